#include "agent/state_file.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include "agent/device_keys.hpp"
#include "agent/durable_file.hpp"
#include "agent/json_secret.hpp"
#include "base/encoding.hpp"

namespace lanrage::agent {
namespace {

namespace json = boost::json;

constexpr int kSchema = 1;
constexpr int kMaxDamaged = 10;  // files moved aside and kept

json::object to_json(const SavedParty& party) {
  json::array log(wiped_storage());
  for (const auto& record : party.log)
    log.emplace_back(to_base64(record));
  json::object out({{"party_id", party.id.to_string()},
                    {"server_url", party.server_url},
                    {"public_url", party.public_url},
                    {"local", party.local},
                    {"wireguard_secret", secret_to_json(party.wireguard_secret)},
                    {"party_key", secret_to_json(party.party_key)},
                    {"key_epoch", party.key_epoch},
                    {"listen_port", party.listen_port},
                    {"interface", party.interface},
                    {"nick", party.nick},
                    {"statement_version", party.statement_version},
                    {"boot", party.boot},
                    {"log", std::move(log)}},
                   wiped_storage());
  if (!party.older_keys.empty()) {
    json::array keys(wiped_storage());
    for (const auto& key : party.older_keys)
      keys.emplace_back(json::object(
          {{"party_key", secret_to_json(key.key())}, {"key_epoch", key.epoch()}}, keys.storage()));
    out["older_keys"] = std::move(keys);
  }
  const auto keep_ids = [&](std::string_view key, const auto& ids) {
    if (ids.empty()) return;
    json::array texts;
    for (const auto& id : ids)
      texts.emplace_back(id.to_string());
    out[key] = std::move(texts);
  };
  if (!party.lan_interface.empty()) out["lan_interface"] = party.lan_interface;
  keep_ids("beside_segment", party.beside_segment);
  keep_ids("outcasts", party.overruled.outcasts);
  keep_ids("overruled_invites", party.overruled.invites);
  if (party.access.all) out["open_all"] = true;
  if (!party.access.opened.empty()) {
    json::array ports;
    for (const auto& range : party.access.opened.ranges())
      ports.emplace_back(range.to_string());
    out["open_ports"] = std::move(ports);
  }
  if (party.pin) out["pin"] = to_base32(*party.pin);
  if (party.root_seed) out["root_seed"] = secret_to_json(*party.root_seed);
  return out;
}

// Takes fields out of one party's object; the first one missing or wrong is remembered.
class FieldReader {
 public:
  FieldReader(const json::object& object, std::string prefix)
      : object_(object), prefix_(std::move(prefix)) {}

  std::string text(std::string_view key) {
    const auto* value = object_.if_contains(key);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    return wrong(key, std::string());
  }
  template <class T>
  T number(std::string_view key) {
    const auto* value = object_.if_contains(key);
    boost::system::error_code bad;
    if (value != nullptr)
      if (const auto number = value->to_number<T>(bad); !bad) return number;
    return wrong(key, T{});
  }
  bool flag(std::string_view key) {  // absent: false
    const auto* value = object_.if_contains(key);
    if (value == nullptr) return false;
    return value->is_bool() ? value->get_bool() : wrong(key, false);
  }
  Secret<32> secret(std::string_view key) {
    if (auto value = secret_from_json<32>(object_, key)) return *value;
    return wrong(key, Secret<32>{});
  }
  bool has(std::string_view key) const { return object_.contains(key); }
  template <class T>
  T wrong(std::string_view key, T fallback) {
    if (!wrong_) wrong_ = prefix_ + std::string(key);
    return fallback;
  }
  const json::object& object() const { return object_; }
  const std::optional<std::string>& wrong_field() const { return wrong_; }

 private:
  const json::object& object_;
  std::string prefix_;
  std::optional<std::string> wrong_;
};

// Absent in files of earlier versions.
std::vector<party::PartyKey> older_keys_from_json(FieldReader& fields) {
  std::vector<party::PartyKey> out;
  const auto* list = fields.object().if_contains("older_keys");
  if (list == nullptr) return out;
  if (!list->is_array()) return fields.wrong("older_keys", out);
  for (const auto& entry : list->get_array()) {
    if (!entry.is_object()) return fields.wrong("older_keys", out);
    FieldReader key(entry.get_object(), "");
    const auto secret = key.secret("party_key");
    const auto epoch = key.number<std::uint32_t>("key_epoch");
    if (key.wrong_field()) return fields.wrong("older_keys", out);
    out.emplace_back(secret, epoch);
  }
  return out;
}

// Likewise.
template <class Id>
std::set<Id> ids_from_json(FieldReader& fields, std::string_view key) {
  std::set<Id> out;
  const auto* list = fields.object().if_contains(key);
  if (list == nullptr) return out;
  if (!list->is_array()) return fields.wrong(key, out);
  for (const auto& entry : list->get_array()) {
    const auto id = entry.is_string() ? Id::parse(entry.get_string()) : std::nullopt;
    if (!id) return fields.wrong(key, out);
    out.insert(*id);
  }
  return out;
}

// Likewise.
lan::Access access_from_json(FieldReader& fields) {
  lan::Access out{.all = fields.flag("open_all")};
  const auto* list = fields.object().if_contains("open_ports");
  if (list == nullptr) return out;
  if (!list->is_array()) return fields.wrong("open_ports", out);
  for (const auto& entry : list->get_array()) {
    if (!entry.is_string()) return fields.wrong("open_ports", out);
    const auto range = lan::PortRange::parse(entry.get_string());
    if (!range) return fields.wrong("open_ports", out);
    out.opened.add(*range);
  }
  if (out.opened.ranges().size() > lan::kMostOpened) return fields.wrong("open_ports", out);
  return out;
}

SavedParty party_from_json(FieldReader& fields) {
  SavedParty out;
  if (auto id = PartyId::parse(fields.text("party_id")))
    out.id = *id;
  else
    fields.wrong("party_id", 0);
  out.server_url = fields.text("server_url");
  out.public_url = fields.text("public_url");
  out.local = fields.flag("local");
  if (fields.has("pin")) {
    const auto pin = from_base32(fields.text("pin"));
    if (pin && pin->size() == 16) {
      out.pin.emplace();
      std::memcpy(out.pin->data(), pin->data(), 16);
    } else {
      fields.wrong("pin", 0);
    }
  }
  if (fields.has("root_seed")) out.root_seed = fields.secret("root_seed");
  out.wireguard_secret = fields.secret("wireguard_secret");
  out.party_key = fields.secret("party_key");
  out.key_epoch = fields.number<std::uint32_t>("key_epoch");
  out.older_keys = older_keys_from_json(fields);
  out.overruled = {ids_from_json<PeerId>(fields, "outcasts"),
                   ids_from_json<InviteId>(fields, "overruled_invites")};
  out.listen_port = fields.number<std::uint16_t>("listen_port");
  out.interface = fields.text("interface");
  if (fields.has("lan_interface")) out.lan_interface = fields.text("lan_interface");
  out.beside_segment = ids_from_json<PeerId>(fields, "beside_segment");
  out.access = access_from_json(fields);
  out.nick = fields.text("nick");
  out.statement_version = fields.number<std::uint64_t>("statement_version");
  out.boot = fields.number<std::uint64_t>("boot");
  const auto* log = fields.object().if_contains("log");
  if (log == nullptr || !log->is_array()) return fields.wrong("log", out);
  for (const auto& entry : log->get_array()) {
    auto record = entry.is_string() ? from_base64(entry.get_string()) : std::nullopt;
    if (!record) return fields.wrong("log", out);
    out.log.push_back(std::move(*record));
  }
  return out;
}

std::unexpected<Error> malformed(const std::string& what) {
  return fail(StateErrc::malformed, "the agent's state is damaged: " + what, what);
}

}  // namespace

WipedString encode_state(const std::vector<SavedParty>& parties) {
  json::array list(wiped_storage());
  for (const auto& party : parties)
    list.emplace_back(to_json(party));
  return to_wiped_text(
      json::object({{"schema", kSchema}, {"parties", std::move(list)}}, wiped_storage()));
}

Result<std::vector<SavedParty>> decode_state(std::string_view text) {
  boost::system::error_code bad;
  const auto document = json::parse(text, bad, wiped_storage());
  const auto* object = bad ? nullptr : document.if_object();
  if (object == nullptr) return malformed("not a JSON object");
  FieldReader top(*object, "");
  const auto schema = top.number<int>("schema");
  if (schema > kSchema)
    return fail(StateErrc::newer,
                "the agent's state was written by a newer version of lanrage; use that one, or "
                "move the file away to start without its parties",
                "schema");
  if (schema != kSchema) return malformed("schema");
  const auto* list = object->if_contains("parties");
  if (list == nullptr || !list->is_array()) return malformed("parties");
  std::vector<SavedParty> out;
  for (const auto& entry : list->get_array()) {
    const auto prefix = "parties[" + std::to_string(out.size()) + "].";
    if (!entry.is_object()) return malformed(prefix);
    FieldReader fields(entry.get_object(), prefix);
    out.push_back(party_from_json(fields));
    if (fields.wrong_field()) return malformed(*fields.wrong_field());
  }
  return out;
}

StateFile::StateFile(boost::asio::io_context& io, std::filesystem::path path,
                     std::function<void(const Error&)> on_error, Timing timing)
    : path_(std::move(path)), on_error_(std::move(on_error)), timing_(timing), timer_(io) {}

StateFile::~StateFile() {
  on_written_ = {};
  if (auto written = flush(); !written) on_error_(written.error());
}

Result<std::vector<SavedParty>> StateFile::load() {
  auto text = read_file(path_);
  if (!text) return std::unexpected(text.error());
  if (!text->has_value()) return std::vector<SavedParty>{};
  auto parties = decode_state(**text);
  if (parties) return parties;
  if (parties.error().is(StateErrc::newer))
    return std::unexpected(parties.error().with_context(path_.string()));
  if (auto moved = move_aside(parties.error()); !moved) return std::unexpected(moved.error());
  return std::vector<SavedParty>{};
}

Result<void> StateFile::move_aside(const Error& why) {
  auto aside = path_;
  aside += ".damaged";
  std::error_code failed;
  for (int n = 1; n < kMaxDamaged && std::filesystem::exists(aside, failed); ++n) {
    aside = path_;
    aside += ".damaged." + std::to_string(n);
  }
  std::filesystem::rename(path_, aside, failed);
  if (failed)
    return fail(StateErrc::malformed, why.message() + "; it can't be moved to " + aside.string() +
                                          " (" + failed.message() + "): move it away by hand");
  const Error error(StateErrc::malformed, why.message() + "; it was moved to " + aside.string() +
                                              " and the agent starts fresh");
  damaged_ = error.message();
  note_problems();
  on_error_(error);
  return {};
}

void StateFile::save(std::vector<SavedParty> parties) {
  waiting_ = std::move(parties);
  if (!armed_) arm(timing_.batch);
}

void StateFile::arm(std::chrono::milliseconds time) {
  armed_ = true;
  timer_.expires_after(time);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_ = false;
    if (auto written = flush(); !written) {
      on_error_(written.error());
      arm(timing_.retry);
    }
  });
}

Result<void> StateFile::flush() {
  if (!waiting_) return {};
  auto written = write_durably(path_, encode_state(*waiting_));
  if (written) waiting_.reset();
  unwritable_ = written ? "" : written.error().message();
  note_problems();
  if (written && on_written_) on_written_();
  return written;
}

void StateFile::note_problems() {
  problems_.clear();
  for (const auto& problem : {damaged_, unwritable_})
    if (!problem.empty()) problems_.push_back(problem);
}

}  // namespace lanrage::agent
