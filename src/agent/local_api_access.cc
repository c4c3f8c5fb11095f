// The local API's commands about what a party reaches of this machine.
#include <boost/json/array.hpp>

#include "agent/api_arguments.hpp"
#include "agent/local_api.hpp"
#include "lan/access.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

constexpr std::string_view kAll = "all";

json::array ports_json(const lan::PortSet& ports) {
  json::array out;
  for (const auto& range : ports.ranges())
    out.emplace_back(range.to_string());
  return out;
}

json::object access_json(const PartySession& session) {
  const auto& access = session.saved().access;
  return {{"schema", 1},
          {"party_id", session.id().to_string()},
          {"name", session.name()},
          {"interface", session.vip_interface()},
          {"guarded", session.lan().is_guarded()},
          {"all", access.all},
          {"opened", ports_json(access.opened)},
          {"default", ports_json(lan::default_ports())}};
}

}  // namespace

LocalApi::Answer LocalApi::open(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  const auto ports = arguments.optional_text("ports");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  if (!ports) co_return access_json(**session);
  auto access = (*session)->saved().access;
  auto named = *ports;
  bool by_default = false;
  if (named == kAll) {
    access.all = true;
  } else {
    const auto range = lan::PortRange::parse(named);
    if (!range) co_return std::unexpected(range.error());
    by_default = lan::default_ports().within(*range) == lan::PortSet{*range};
    if (auto opened = access.open(*range); !opened) co_return std::unexpected(opened.error());
    named = range->to_string();
  }
  if (auto set = (*session)->set_access(std::move(access)); !set)
    co_return std::unexpected(set.error());
  auto out = access_json(**session);
  out["ports"] = named;
  out["by_default"] = by_default;
  co_return out;
}

LocalApi::Answer LocalApi::close(const json::object& request) {
  auto session = party_of(request);
  if (!session) co_return std::unexpected(session.error());
  Arguments arguments(request);
  auto named = arguments.text("ports");
  if (arguments.error()) co_return std::unexpected(*arguments.error());
  auto access = (*session)->saved().access;
  lan::PortSet still;
  if (named == kAll) {
    access = {};
  } else {
    const auto range = lan::PortRange::parse(named);
    if (!range) co_return std::unexpected(range.error());
    if (auto closed = access.close(*range); !closed) co_return std::unexpected(closed.error());
    still = access.ports().within(*range);
    named = range->to_string();
  }
  if (auto set = (*session)->set_access(std::move(access)); !set)
    co_return std::unexpected(set.error());
  auto out = access_json(**session);
  out["ports"] = named;
  out["still_open"] = ports_json(still);
  co_return out;
}

}  // namespace lanrage::agent
