#include "agent/lan_names.hpp"

#include <algorithm>
#include <net/if.h>

namespace lanrage::agent {

lan::NamedParty named_party(const party::Ledger& ledger) {
  std::vector<const party::Member*> members;
  for (const auto& [id, member] : ledger.members())
    if (!member.vip.is_unspecified()) members.push_back(&member);
  std::ranges::sort(members, {}, [&](const auto* each) { return ledger.admitted_at(each->id); });
  lan::NamedParty out{ledger.charter().name, {}};
  for (const auto* member : members)
    out.members.push_back({member->nick, member->vip});
  return out;
}

LanNames::LanNames(boost::asio::io_context& io, Options options, std::string id, io::Log& log)
    : io_(io), log_(log), options_(std::move(options)) {
  if (options_.hosts) {
    options_.hosts->attach(io_, std::move(id),
                           [this](const std::string& trouble) { on_trouble(trouble); });
    options_.hosts->set({});
  }
  choose();
}

LanNames::~LanNames() {
  if (resolved_) resolved_->close();
}

void LanNames::choose() {
  if (options_.naming == Naming::off) return;
  if (options_.naming == Naming::hosts) return take_hosts();
  const auto in_use = resolved_in_use();
  if (in_use) return start_resolved();
  if (options_.naming == Naming::automatic) return take_hosts();
  on_trouble(in_use.error().message());
}

void LanNames::start_resolved() {
  auto opened = ResolvedNames::open(io_, [this](const Result<void>& told) {
    if (told) return on_trouble("");
    if (options_.naming == Naming::resolved) return on_trouble(told.error().message());
    log_.warning("names_not_by_resolved", {{"detail", told.error().message()}});
    resolved_->close();
    resolved_.reset();
    take_hosts();
    publish();
  });
  if (opened) {
    resolved_ = std::move(*opened);
    log_.info("names", {{"by", "systemd-resolved"}});
  } else if (options_.naming == Naming::automatic) {
    take_hosts();
  } else {
    on_trouble(opened.error().message());
  }
}

void LanNames::take_hosts() {
  writes_hosts_ = true;
  if (options_.hosts) return log_.info("names", {{"by", "hosts file"}});
  on_trouble("the process that writes the hosts file couldn't be started (see the log)");
}

void LanNames::set(const party::Ledger& ledger, const std::string& device) {
  if (options_.naming == Naming::off) return;
  Party party{ledger.party_id(), named_party(ledger), ::if_nametoindex(device.c_str())};
  const auto known = std::ranges::find(parties_, party.id, &Party::id);
  if (known == parties_.end())
    parties_.push_back(std::move(party));
  else if (*known != party)
    *known = std::move(party);
  else
    return;
  publish();
}

void LanNames::remove(const PartyId& party) {
  if (std::erase_if(parties_, [&](const auto& each) { return each.id == party; }) > 0) publish();
}

void LanNames::publish() {
  std::vector<lan::NamedParty> named;
  named.reserve(parties_.size());
  for (const auto& party : parties_)
    named.push_back(party.named);
  const auto tables = lan::names_of(named);
  lan::NameTable all;
  ResolvedNames::Domains domains;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    all.insert(tables[i].begin(), tables[i].end());
    if (parties_[i].device != 0) domains[parties_[i].device] = lan::domains_of(tables[i]);
  }
  if (resolved_)
    resolved_->set(std::move(all), std::move(domains));
  else if (writes_hosts_ && options_.hosts)
    options_.hosts->set(all);
}

void LanNames::on_trouble(const std::string& trouble) {
  if (trouble == trouble_) return;
  trouble_ = trouble;
  if (trouble.empty())
    log_.info("names_work");
  else
    log_.warning("names_not_set", {{"detail", trouble}});
}

std::optional<std::string> LanNames::warning() const {
  if (trouble_.empty()) return std::nullopt;
  return "names such as anna.lan aren't up to date: " + trouble_ +
         "; virtual IPs work, and `lanrage daemon --names off` gives no names";
}

}  // namespace lanrage::agent
