#include "relay/route_client.hpp"

#include <algorithm>

#include "relay/bind_messages.hpp"

namespace lanrage::relay {
namespace {

using stun::Attribute;

// Sent at 0, 250 and 750 ms, given up after 1.25 s.
constexpr stun::RetryPolicy kRetries{std::chrono::milliseconds(250), 3, 2};

}  // namespace

RouteClient::RouteClient(Random& random) : random_(&random), transactions_(kRetries) {}

void RouteClient::want(std::span<const Route> routes) {
  std::vector<Entry> entries;
  entries.reserve(routes.size());
  bool news = false;
  for (const Route& route : routes) {
    const auto known = std::ranges::find(entries_, route, &Entry::route);
    news = news || known == entries_.end();
    entries.push_back({route, known != entries_.end() && known->taken});
  }
  entries_ = std::move(entries);
  if (!news) return;
  gap_ = kFirstRouteRetry;
  not_before_ = {};
}

void RouteClient::forget() {
  for (Entry& entry : entries_)
    entry.taken = false;
  transactions_.clear();
  gap_ = kFirstRouteRetry;
  not_before_ = {};
}

bool RouteClient::untold() const {
  return std::ranges::any_of(entries_, [](const Entry& entry) { return !entry.taken; });
}

void RouteClient::tell(Instant now, const Credentials& with, stun::Datagrams& out) {
  if (now < not_before_ || transactions_.size() > 0 || !untold()) return;
  asked_.clear();
  for (const Entry& entry : entries_)
    if (!entry.taken && asked_.size() < kMaxRoutesAMessage) asked_.push_back(entry.route);
  const Bytes routes = encode_routes(asked_);
  const auto id = stun::TransactionId::generate(*random_);
  Bytes request = stun::MessageBuilder(stun::Method::route_relay, stun::Class::request, id)
                      .attribute(Attribute::nonce, with.nonce)
                      .attribute(Attribute::relay_routes, routes)
                      .attribute(Attribute::bind_signature,
                                 with.key.sign(route_statement(routes, with.relay, with.boot_id,
                                                               with.nonce, with.observed)))
                      .fingerprint();
  transactions_.start(now, id, std::move(request), with.endpoint, out);
}

RouteClient::Answer RouteClient::on_response(Instant now, const stun::MessageView& message) {
  if (!transactions_.on_response(now, message)) return Answer::not_ours;
  if (message.message_class() == stun::Class::error) {
    const auto error = message.error_code();
    wait_longer(now);
    return error && error->code == kStaleNonce ? Answer::stale_nonce : Answer::taken;
  }
  const auto value = message.find(Attribute::routes_taken);
  const std::uint32_t bits = value && value->size() == 4 ? ByteReader(*value).u32() : 0;
  bool all = true;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const bool taken = (bits >> i & 1) != 0;
    all = all && taken;
    const auto entry = std::ranges::find(entries_, asked_[i], &Entry::route);
    if (entry != entries_.end()) entry->taken = taken;
  }
  if (!all) wait_longer(now);
  // What waits its turn goes to the front: a full message of refused ones mustn't bar the others.
  std::ranges::partition(entries_, [&](const Entry& entry) {
    return std::ranges::find(asked_, entry.route) == asked_.end();
  });
  return Answer::taken;
}

void RouteClient::wait_longer(Instant now) {
  not_before_ = now + gap_;
  gap_ = std::min(gap_ * 2, kLongestRouteRetry);
}

void RouteClient::on_timeout(Instant now, stun::Datagrams& out) {
  if (!transactions_.on_timeout(now, out).empty()) wait_longer(now);
}

std::optional<Instant> RouteClient::next_timeout() const {
  if (auto next = transactions_.next_timeout()) return next;
  if (untold()) return not_before_;
  return std::nullopt;
}

bool RouteClient::taken(const Route& route) const {
  const auto entry = std::ranges::find(entries_, route, &Entry::route);
  return entry != entries_.end() && entry->taken;
}

}  // namespace lanrage::relay
