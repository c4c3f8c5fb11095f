#include "server_counts.hpp"

#include <boost/json/object.hpp>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

constexpr std::uint16_t kControlPort = 8667;

// Members that name what is stored; uptime and connections come and go.
bool is_stored(std::string_view key) {
  return key == "parties" || key == "peers" || key == "invites" || key == "members" ||
         key == "relays";
}

void collect(const boost::json::object& object, std::map<std::string, std::int64_t>& counts) {
  for (const auto& [key, value] : object) {
    if (value.is_object()) collect(value.as_object(), counts);
    if (value.is_number() && is_stored(key))
      counts[std::string(key)] = value.to_number<std::int64_t>();
  }
}

}  // namespace

HttpsClient https_client(const Server& server) {
  return HttpsClient(server.host().netns(), {server.host().address(), kControlPort});
}

std::map<std::string, std::int64_t> server_counts(const Server& server) {
  std::map<std::string, std::int64_t> counts;
  const HttpsReply reply = https_client(server).send({});
  if (const auto* object = reply.json.if_object()) collect(*object, counts);
  if (counts.empty()) throw LabError("GET / counts nothing: " + reply.body);
  return counts;
}

}  // namespace lanrage::lab
