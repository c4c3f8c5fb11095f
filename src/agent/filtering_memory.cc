#include "agent/filtering_memory.hpp"

namespace lanrage::agent {

void FilteringMemory::prepare(Instant now, const std::optional<IpAddress>& source,
                              stun::NatProbeConfig& config) {
  if (source && source_ && *source != *source_) *this = {};
  if (source) source_ = source;
  std::erase_if(contacted_, [&](const auto& entry) { return now - entry.second >= kMappingLife; });
  for (auto& server : config.servers) {
    if (!server.alternate) continue;
    second_ports_.insert(*server.alternate);
    server.alternate_contacted = contacted_.contains(*server.alternate);
  }
  config.known_filtering = filtering_;
}

void FilteringMemory::on_sent(Instant now, const stun::Datagrams& sent) {
  for (const auto& datagram : sent)
    if (second_ports_.contains(datagram.to)) contacted_[datagram.to] = now;
}

void FilteringMemory::on_finished(const stun::NatProbe& look) {
  for (const bool v6 : {false, true})
    if (look.filtering(v6) != stun::Filtering::unknown) filtering_[v6] = look.filtering(v6);
}

}  // namespace lanrage::agent
