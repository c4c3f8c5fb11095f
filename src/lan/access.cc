#include "lan/access.hpp"

namespace lanrage::lan {

using enum Transport;

const PortSet& shut_ports() {
  static const PortSet kShut{
      {tcp, 1433, 1433},                       // Microsoft's SQL server
      {tcp, 1521, 1521},                       // Oracle
      {tcp, 2049, 2049},                       // NFS
      {tcp, 2375, 2376},                       // Docker
      {tcp, 3306, 3306},                       // MySQL
      {tcp, 3389, 3389},                       // RDP
      {tcp, 5432, 5432},                       // PostgreSQL
      {tcp, 5800, 5800},                       // VNC
      {tcp, 5900, 5909},   {tcp, 5984, 5986},  // CouchDB, WinRM
      {tcp, 6000, 6063},                       // X11
      {tcp, 6379, 6379},                       // Redis
      {tcp, 9100, 9100},                       // printers
      {tcp, 9200, 9200},                       // Elasticsearch
      {tcp, 11211, 11211},                     // memcached
      {tcp, 27017, 27019},                     // MongoDB
      {udp, 1434, 1434},                       // Microsoft's SQL server
      {udp, 1900, 1900},                       // SSDP
      {udp, 2049, 2049},                       // NFS
      {udp, 3389, 3389},                       // RDP
      {udp, 3702, 3702},                       // WS-Discovery
      {udp, 5353, 5353},                       // mDNS
      {udp, 5355, 5355},                       // LLMNR
      {udp, 11211, 11211},                     // memcached
  };
  return kShut;
}

const PortSet& default_ports() {
  static const PortSet kDefault = [] {
    PortSet out{{tcp, 1024, 65535}, {udp, 1024, 65535}};
    out.remove(shut_ports());
    return out;
  }();
  return kDefault;
}

namespace {

Result<void> keep(PortSet wanted, PortSet& opened) {
  if (wanted.ranges().size() > kMostOpened)
    return fail(AccessErrc::too_many,
                "this would be " + std::to_string(wanted.ranges().size()) +
                    " single ports and ranges of them that are open, and a party may have " +
                    std::to_string(kMostOpened) +
                    "; close some, or open those that are side by side as one range",
                "ports");
  opened = std::move(wanted);
  return {};
}

}  // namespace

Result<void> Access::open(const PortRange& range) {
  if (default_ports().within(range) == PortSet{range}) return {};
  auto wanted = opened;
  wanted.add(range);
  return keep(std::move(wanted), opened);
}

Result<void> Access::close(const PortRange& range) {
  if (all)
    return fail(AccessErrc::all_open,
                "all ports are open to the party; `lanrage close all` closes them, and those that "
                "you opened singly",
                "ports");
  if (opened.within(range).empty() && !default_ports().within(range).empty())
    return fail(AccessErrc::open_by_default,
                range.to_string() +
                    " is open to every party, since games use ports from 1024 on; end the program "
                    "that listens there, or let it listen at another address",
                "ports");
  auto wanted = opened;
  wanted.remove(range);
  return keep(std::move(wanted), opened);
}

PortSet Access::ports() const {
  auto out = default_ports();
  out.add(opened);
  return out;
}

}  // namespace lanrage::lan
