#include "agent/party_lan.hpp"

#include <utility>

#include "agent/tunnel.hpp"
#include "agent/tunnel_link.hpp"
#include "io/netlink.hpp"

namespace lanrage::agent {

PartyLan::PartyLan(boost::asio::io_context& io, Options options,
                   std::function<void(const Error&)> on_lost, io::Log& log)
    : io_(io),
      retry_(io),
      options_(std::move(options)),
      on_lost_(std::move(on_lost)),
      log_(log),
      wanted_(lan::make_segment(options_.party, options_.prefix, options_.self, {}, kTunnelMtu)) {}

Result<std::shared_ptr<PartyLan>> PartyLan::open(boost::asio::io_context& io, Options options,
                                                 std::function<void(const Error&)> on_lost,
                                                 io::Log& log) {
  std::shared_ptr<PartyLan> out(new PartyLan(io, std::move(options), std::move(on_lost), log));
  if (const auto segment = out->open_segment(); !segment) {
    if (auto beside = out->open_beside(segment.error()); !beside)
      return std::unexpected(beside.error());
  }
  out->open_watches();
  log.info("lan_open", {{"party", out->options_.party.to_string()},
                        {"interface", out->interface_},
                        {"segment", out->has_segment() ? "true" : "false"}});
  return out;
}

PartyLan::~PartyLan() {
  close();
}

void PartyLan::close() {
  closed_ = true;
  on_lost_ = {};
  retry_.cancel();
  watches_.clear();
  if (copier_) copier_->close();
  copier_.reset();
  segment_.reset();
  filter_.reset();
}

Result<void> PartyLan::open_segment() {
  if (!options_.segment) return fail(LanErrc::switched_off, "the agent was started with --lan off");
  auto segment =
      LanSegment::open({options_.interface_name, options_.or_numbered, options_.wireguard,
                        options_.listen_port, wanted_, options_.access});
  if (!segment) return std::unexpected(segment.error());
  segment_ = std::move(*segment);
  interface_ = segment_->interface_name();
  open_copier();
  return {};
}

// Games that ask on the LAN device by themselves find others all the same.
void PartyLan::open_copier() {
  if (!options_.copy_discovery) return;
  auto copier = LanCopier::open(io_, wanted_, interface_);
  if (copier) {
    copier_ = std::move(*copier);
    return;
  }
  note_ = "games that broadcast by another interface than " + interface_ +
          " find nobody: " + copier.error().message();
  log_.warning("lan_copier", {{"interface", interface_}, {"detail", copier.error().message()}});
}

// At once, as the LAN is open to strangers meanwhile.
void PartyLan::open_watches() {
  for (const auto what : {io::Watched::packet_filter, io::Watched::links}) {
    auto watch = io::NetworkWatch::open(
        io_,
        [weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->look();
        },
        what);
    if (watch)
      watches_.push_back(std::move(*watch));
    else
      log_.warning("lan_watch", {{"interface", interface_}, {"detail", watch.error().message()}});
  }
}

void PartyLan::look() {
  if (closed_) return;
  if (segment_) {
    const auto found = segment_->look();
    if (found) return;
    if (!found.error().is(LanErrc::unguarded)) return check(found);
    log_.warning("lan_rules_removed", {{"interface", interface_}});
    return check(apply());
  }
  if (!filter_ || filter_->stands()) return;
  log_.warning("lan_rules_removed", {{"interface", interface_}});
  check(apply());
}

// Another agent's party is left to it: its filter isn't ours, and ours would lift it.
Result<void> PartyLan::open_beside(const Error& why) {
  auto filter = LanFilter::open(wanted_.numbers);
  if (!filter && filter.error().is(LanErrc::interface_taken))
    return std::unexpected(filter.error());
  no_segment_ = why;
  note_ = "games find nobody by themselves, type in the address: " + why.message();
  log_.warning("no_lan_segment",
               {{"party", options_.party.to_string()}, {"detail", why.message()}});
  auto links = io::Links::open();
  if (!links) return std::unexpected(tunnel_error(links.error()));
  auto given = links->add_address(options_.wireguard, options_.self.vip, options_.prefix.length);
  if (!given) return std::unexpected(tunnel_error(given.error()));
  interface_ = options_.wireguard;
  auto filtered =
      filter ? (*filter)->set(wanted_, beside(), options_.access) : std::unexpected(filter.error());
  if (filtered) {
    filter_ = std::move(*filter);
    return {};
  }
  *note_ += "; and the party reaches every service of this machine: " + filtered.error().message();
  log_.warning("no_lan_filter",
               {{"interface", interface_}, {"detail", filtered.error().message()}});
  return {};
}

void PartyLan::set_members(std::span<const lan::Member> members) {
  auto segment = lan::make_segment(options_.party, options_.prefix, options_.self,
                                   lan::known_first(members, wanted_), kTunnelMtu);
  if (closed_ || segment == wanted_) return;
  wanted_ = std::move(segment);
  check(apply());
}

Result<void> PartyLan::set_access(lan::Access access) {
  if (!closed_ && segment_) {
    if (auto set = segment_->set_access(access); !set) return set;
  } else if (!closed_ && filter_) {
    if (auto set = filter_->set(wanted_, beside(), access); !set) return set;
  }
  options_.access = std::move(access);
  return {};
}

Result<void> PartyLan::apply() {
  if (segment_) return segment_->set(wanted_);
  return filter_ ? filter_->set(wanted_, beside(), options_.access) : Result<void>{};
}

void PartyLan::check(const Result<void>& applied) {
  if (applied) return void(retry_.cancel());
  log_.error("lan", {{"interface", interface_}, {"detail", applied.error().message()}});
  if (applied.error().is(LanErrc::device_gone)) {
    if (const auto lost = std::exchange(on_lost_, {})) lost(applied.error());
    return;
  }
  retry_.expires_after(kRetry);
  retry_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && !self->closed_) self->check(self->apply());
  });
}

}  // namespace lanrage::agent
