#include "agent/device_keys.hpp"

#include <boost/json/parse.hpp>

#include "agent/durable_file.hpp"
#include "agent/json_secret.hpp"
#include "crypto/hash.hpp"

namespace lanrage::agent {

namespace json = boost::json;

PeerId DeviceKeys::peer_id() const {
  return crypto::id_of<PeerId>(identity.public_key().bytes);
}

Secret<32> DeviceKeys::port_mapping_key() const {
  return crypto::derive(box.bytes().expose(), "lanrage/v1/port-mappings", {});
}

Result<DeviceKeys> load_or_create_device_keys(const std::filesystem::path& directory,
                                              Random& random) {
  const auto path = directory / "identity.json";
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  if (text->has_value()) {
    boost::system::error_code bad;
    const auto document = json::parse(**text, bad, wiped_storage());
    const auto* object = document.if_object();
    auto seed = object != nullptr ? secret_from_json<32>(*object, "identity_seed") : std::nullopt;
    auto box = object != nullptr ? secret_from_json<32>(*object, "box_secret") : std::nullopt;
    if (!seed || !box)
      return fail(StateErrc::malformed,
                  path.string() +
                      " is damaged; restore it from a backup, or move it away to start as a new "
                      "device (parties will then see a new peer)");
    return DeviceKeys{crypto::SigningKey::from_seed(*seed),
                      crypto::ExchangeSecret::from_bytes(*box)};
  }
  DeviceKeys keys{crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random)};
  const json::object document({{"schema", 1},
                               {"identity_seed", secret_to_json(keys.identity.seed())},
                               {"box_secret", secret_to_json(keys.box.bytes())}},
                              wiped_storage());
  if (auto written = write_durably(path, to_wiped_text(document)); !written)
    return std::unexpected(written.error());
  return keys;
}

}  // namespace lanrage::agent
