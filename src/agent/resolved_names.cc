#include "agent/resolved_names.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <sstream>
#include <utility>

#include "agent/system_bus.hpp"
#include "lan/dbus.hpp"
#include "lan/dns.hpp"
#include "lan/resolver.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using namespace std::chrono_literals;

// Which it makes when it starts, whatever its settings.
constexpr std::string_view kSocketOfResolved = "/run/systemd/resolve/io.systemd.Resolve";
constexpr auto kTellingLimit = 10s;

std::string contents_of(const char* path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

}  // namespace

Result<void> resolved_in_use() {
  // Another network namespace's knows other devices by our devices' numbers.
  if (!lan::has_socket(contents_of("/proc/net/unix"), kSocketOfResolved))
    return fail(ResolvedErrc::not_in_use, "systemd-resolved doesn't run");
  if (!lan::asks_resolved(contents_of("/etc/nsswitch.conf"), contents_of("/etc/resolv.conf")))
    return fail(ResolvedErrc::not_in_use,
                "systemd-resolved runs, but neither /etc/nsswitch.conf nor /etc/resolv.conf leads "
                "programs to it");
  return {};
}

ResolvedNames::ResolvedNames(asio::io_context& io, OnTold on_told)
    : io_(io), on_told_(std::move(on_told)), socket_(io) {}

Result<std::shared_ptr<ResolvedNames>> ResolvedNames::open(asio::io_context& io, OnTold on_told) {
  std::shared_ptr<ResolvedNames> self(new ResolvedNames(io, std::move(on_told)));
  error_code error;
  self->socket_.open(udp::v4(), error);
  // Not by the party's device, where the other members could ask for all that we know.
  if (!error) self->socket_.bind({asio::ip::address_v4::loopback(), 0}, error);
  if (error)
    return fail(ResolvedErrc::no_socket, "no UDP port of 127.0.0.1 for names: " + error.message());
  self->receive();
  return self;
}

void ResolvedNames::close() {
  on_told_ = {};
  error_code ignored;
  socket_.close(ignored);
}

void ResolvedNames::receive() {
  socket_.async_receive_from(
      asio::buffer(query_), asker_,
      [self = shared_from_this()](const error_code& error, std::size_t size) {
        if (error == asio::error::operation_aborted || !self->socket_.is_open()) return;
        const auto answer =
            error ? Bytes{} : lan::answer_query(ByteView(self->query_).first(size), self->names_);
        error_code lost;  // like any datagram that gets lost
        if (!answer.empty()) self->socket_.send_to(asio::buffer(answer), self->asker_, 0, lost);
        self->receive();
      });
}

void ResolvedNames::set(lan::NameTable names, Domains domains) {
  names_ = std::move(names);
  if (domains == domains_) return;
  domains_ = std::move(domains);
  changed_ = true;
  if (!telling_) tell();
}

void ResolvedNames::tell() {
  telling_ = true;
  auto work = [self = shared_from_this()]() -> asio::awaitable<void> {
    while (std::exchange(self->changed_, false)) {
      auto told = co_await self->tell_all();
      const auto on_told = self->on_told_;  // it may close us
      if (on_told && !self->changed_) on_told(told);
    }
    self->telling_ = false;
  };
  asio::co_spawn(io_, std::move(work), asio::detached);
}

asio::awaitable<Result<void>> ResolvedNames::tell_all() {
  error_code closed;
  const auto port = socket_.local_endpoint(closed).port();
  const auto domains = domains_;
  if (closed || domains.empty()) co_return Result<void>{};
  SystemBus bus(io_, kTellingLimit);
  if (auto connected = co_await bus.connect(); !connected)
    co_return fail(ResolvedErrc::no_bus, connected.error().message());
  for (const auto& [device, names] : domains) {
    // Our answers are neither signed nor encrypted, whatever the machine's setting asks of others.
    lan::DbusCall calls[] = {lan::set_link_default_route(device, false),
                             lan::set_link_mode("SetLinkDNSSEC", device, "no"),
                             lan::set_link_mode("SetLinkDNSOverTLS", device, "no"),
                             lan::set_link_domains(device, names),
                             lan::set_link_dns(device, {IpAddress::v4(0x7f000001), port})};
    for (auto& call : calls) {
      const auto told = co_await bus.call(std::move(call));
      if (!told)
        co_return fail(ResolvedErrc::refused, "systemd-resolved, " + told.error().message());
    }
  }
  co_return Result<void>{};
}

}  // namespace lanrage::agent
