#include "agent/discovery_file.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <limits>

#include "agent/device_keys.hpp"
#include "agent/durable_file.hpp"
#include "base/encoding.hpp"
#include "protocol/types.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int kSchema = 1;

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

std::optional<LanParty> party_from(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  LanParty out;
  const auto id = PartyId::parse(text_of(*object, "id"));
  const auto pin = from_base32(text_of(*object, "pin"));
  constexpr std::string_view kScheme = "https://";
  const auto url = text_of(*object, "server");
  if (!id || !pin || pin->size() != out.pin.size() || !url.starts_with(kScheme))
    return std::nullopt;
  const auto server = Endpoint::parse(std::string_view(url).substr(kScheme.size()));
  const auto* members = object->if_contains("members");
  boost::system::error_code bad;
  const auto count = members != nullptr ? members->to_number<std::uint16_t>(bad) : std::uint16_t{0};
  if (!server || bad) return std::nullopt;
  out.id = *id;
  std::ranges::copy(*pin, out.pin.begin());
  out.server = *server;
  out.members = count;
  out.name = text_of(*object, "name");
  out.host = text_of(*object, "host");
  if (!is_sound(out)) return std::nullopt;
  return out;
}

}  // namespace

std::string encode_discovery(const std::vector<LanParty>& parties, UnixTime now) {
  json::array list;
  for (const auto& party : parties)
    list.emplace_back(json::object{{"id", party.id.to_string()},
                                   {"name", party.name},
                                   {"host", party.host},
                                   {"server", party.server_url()},
                                   {"pin", to_base32(party.pin)},
                                   {"members", party.members}});
  return json::serialize(json::object{{"schema", kSchema},
                                      {"updated_at", protocol::format_time(now)},
                                      {"parties", std::move(list)}});
}

Result<std::vector<LanParty>> decode_discovery(std::string_view text, UnixTime now) {
  boost::system::error_code bad;
  const auto document = json::parse(text, bad);
  const auto* object = bad ? nullptr : document.if_object();
  const auto* schema = object != nullptr ? object->if_contains("schema") : nullptr;
  const auto* list = object != nullptr ? object->if_contains("parties") : nullptr;
  const auto written =
      object != nullptr ? protocol::parse_time(text_of(*object, "updated_at")) : std::nullopt;
  if (schema == nullptr || *schema != kSchema || list == nullptr || !list->is_array() || !written)
    return fail(StateErrc::malformed, "not a discovery file of this version");
  std::vector<LanParty> out;
  if (*written < now - kDiscoveryFileLife || *written > now + kDiscoveryFileLife) return out;
  for (const auto& entry : list->get_array()) {
    if (out.size() == kMaxAnnouncedParties) break;
    if (auto party = party_from(entry)) out.push_back(std::move(*party));
  }
  return out;
}

Result<void> DiscoveryFiles::write(const std::vector<LanParty>& parties, UnixTime now) const {
  const auto text = encode_discovery(parties, now);
  Result<void> last = fail(StateErrc::unwritable, "there is no folder for the discovery file");
  for (const auto& folder : folders_) {
    std::error_code ignored;  // the write tells
    // Whatever our umask: agents of other users read there, too.
    if (fs::create_directories(folder, ignored)) fs::permissions(folder, fs::perms(0755), ignored);
    last = write_durably(folder / (owner_ + ".json"), text, io::kWorldReadable);
    if (last) break;
  }
  return last;
}

void DiscoveryFiles::remove() const {
  std::error_code ignored;
  for (const auto& folder : folders_)
    fs::remove(folder / (owner_ + ".json"), ignored);
}

DiscoveryFiles::Found DiscoveryFiles::read(UnixTime now) const {
  Found out;
  std::size_t files = 0;
  for (const auto& folder : folders_) {
    std::error_code none;
    for (fs::directory_iterator entry(folder, none), end; !none && entry != end;
         entry.increment(none)) {
      if (entry->path().extension() != ".json") continue;
      if (++files > kMaxDiscoveryFiles) return out;
      std::error_code failed;
      const auto place = entry->path().string();
      if (!entry->is_regular_file(failed) || entry->file_size(failed) > kMaxDiscoveryFile) {
        out.problems.push_back(
            Error(StateErrc::unreadable, "no discovery file").with_context(place));
        continue;
      }
      const auto text = read_file(entry->path());
      if (!text) {
        out.problems.push_back(text.error());
        continue;
      }
      if (!*text) continue;  // removed meanwhile
      auto parties = decode_discovery(**text, now);
      if (!parties) {
        out.problems.push_back(parties.error().with_context(place));
        continue;
      }
      out.parties.insert(out.parties.end(), parties->begin(), parties->end());
    }
  }
  return out;
}

}  // namespace lanrage::agent
