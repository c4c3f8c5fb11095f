// Datagrams of members and strangers: each input a series of (u8 sender, u8 port, u8 pause in s,
// u16 size, payload). `port` counts through the ports of the table that comes with lanrage.
#include <cstdlib>
#include <iterator>

#include "base/encoding.hpp"
#include "games/catalogue.hpp"
#include "games/clean_text.hpp"
#include "games/round.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::games;
  static const Table table = table_with().value();
  const auto ports_of = [](const auto& traffic) {
    std::vector<std::uint16_t> out;
    for (const auto& [port, starts] : traffic)
      out.push_back(port);
    return out;
  };
  static const auto from = ports_of(table.traffic().from);
  static const auto to = ports_of(table.traffic().to);
  const auto peer = [](std::uint8_t number) { return IpAddress::v4(0x0a420000u + number); };
  std::set<IpAddress> peers;
  for (std::uint8_t number = 1; number < 20; ++number)
    peers.insert(peer(number));
  Instant now{};
  Catalogue catalogue(table);
  catalogue.set_peers(peers);
  Round round(table, {peer(1)});
  while (round.next(now)) {
  }
  ByteReader reader({data, size});
  while (reader.remaining() > 0) {
    const auto sender = reader.u8();
    const std::size_t port = reader.u8();
    now += std::chrono::seconds(reader.u8());
    const auto payload = reader.counted16();
    if (!reader.ok()) break;
    Datagram datagram{{peer(sender), 50000}, {peer(1), 50000}, payload};
    if (port < from.size())
      datagram.from.port = from[port];
    else
      datagram.to.port = to[port % to.size()];
    catalogue.observe(now, datagram);
    const auto heard = round.hear(now, datagram.from, payload);
    if (heard.again && heard.again->payload.size() > kLongestAsk + 1500) std::abort();
    const auto hosted = catalogue.hosted(now);
    if (hosted.size() > kMostHosted) std::abort();
    for (const auto& each : hosted) {
      if (!peers.contains(each.at.address) || each.at.port == 0) std::abort();
      for (const auto& text : {each.game, each.title})
        if (!is_printable_utf8(text) || text.size() > 4 * kLongestText) std::abort();
    }
  }
  return 0;
}
