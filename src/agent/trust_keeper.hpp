// Drives what a device believes of a party (trust::PartyTrust) with the clock and with the socket
// to the other members' agents, and says what follows from it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/member_channel.hpp"
#include "crypto/keys.hpp"
#include "io/log.hpp"
#include "trust/party_trust.hpp"

namespace lanrage::agent {

class TrustKeeper : public std::enable_shared_from_this<TrustKeeper> {
 public:
  struct Callbacks {
    std::function<void()> on_access;  // trust().access() may have changed
    std::function<void()> on_keep;    // log or keys have changed: on_stored() once on disk
    std::function<void()> want_snapshot;
    std::function<void()> on_removed;
    std::function<void(const trust::Finding&)> on_finding;
  };
  struct Start {
    party::Ledger ledger;
    std::vector<Bytes> records;
    trust::KeyRing keys;
    bool fresh = false;  // from the server just now, else from disk
    trust::Overruled overruled{};
  };

  // `log` outlives it, or its close().
  TrustKeeper(boost::asio::io_context& io, trust::PartyTrust::Device device, Start start,
              Callbacks callbacks, io::Log& log);

  // Begins to talk to the members. Without a way to (it is logged, and no_channel() says why), the
  // server's word is all there is.
  void open(const std::string& interface);
  void close();  // no callback comes after it

  void on_snapshot(std::span<const Bytes> log, std::uint64_t seq, std::string incarnation,
                   const std::optional<Bytes>& box);
  void on_event(std::uint64_t seq, std::span<const Bytes> records,
                const std::optional<Bytes>& box = std::nullopt);
  void on_caught_up(std::uint64_t seq);
  void on_new_link() { trust_.on_new_link(); }
  void on_link_lost() { trust_.on_link_lost(); }
  void on_handshake(const PeerId& peer);
  void on_restart(const PeerId& peer);
  void on_stored();
  void offer_root(const PeerId& to);
  void withdraw_root() { trust_.withdraw_root(); }

  const trust::PartyTrust& trust() const { return trust_; }
  // Why there is no way to talk to the members.
  const std::optional<std::string>& no_channel() const { return no_channel_; }
  bool within_reach(const PeerId& peer) const;

 private:
  void on_datagram(const IpAddress& from, ByteView datagram);
  void run(const trust::Effects& effects);
  void learn_addresses();
  void arm();

  boost::asio::steady_timer timer_;
  boost::asio::io_context& io_;
  io::Log& log_;
  crypto::SystemRandom random_;
  crypto::ExchangeKey own_key_;
  trust::PartyTrust trust_;
  Callbacks callbacks_;
  std::shared_ptr<MemberChannel> channel_;
  std::optional<std::string> no_channel_;
  bool closed_ = false;
  std::map<IpAddress, PeerId> peers_;      // by tunnel address
  std::map<PeerId, IpAddress> addresses_;  // the same, the other way
};

}  // namespace lanrage::agent
