#include "stun/responder.hpp"

#include "stun/message.hpp"

namespace lanrage::stun {
namespace {

Bytes unknown_attribute(const TransactionId& transaction,
                        const std::vector<std::uint16_t>& unknown) {
  ByteWriter types;
  // A few suffice to say what is wrong and keep the answer small.
  for (std::size_t i = 0; i < unknown.size() && i < 4; ++i)
    types.u16(unknown[i]);
  return MessageBuilder(Method::binding, Class::error, transaction)
      .error(420, "Unknown Attribute")
      .attribute(Attribute::unknown_attributes, types.bytes())
      .fingerprint();
}

}  // namespace

std::optional<Reply> respond(ByteView request, const Endpoint& source,
                             const ServerAddresses& addresses) {
  auto message = MessageView::parse(request);
  if (!message || !message->is(Method::binding, Class::request)) return std::nullopt;

  std::vector<std::uint16_t> unknown = message->unknown_required();
  bool from_other_port = false;
  if (auto change = message->find(Attribute::change_request)) {
    ByteReader reader(*change);
    std::uint32_t flags = reader.u32();
    // There is no second address here, and without a second port the whole attribute is foreign.
    bool supported = reader.at_end() && addresses.other && (flags & kChangeAddress) == 0;
    if (supported) {
      from_other_port = (flags & kChangePort) != 0;
    } else {
      unknown.push_back(static_cast<std::uint16_t>(Attribute::change_request));
    }
  }
  if (!unknown.empty()) return Reply{unknown_attribute(message->transaction(), unknown)};

  MessageBuilder reply(Method::binding, Class::success, message->transaction());
  reply.xor_mapped_address(source);
  const auto& origin = from_other_port ? addresses.other : addresses.received_on;
  if (origin) reply.plain_address(Attribute::response_origin, *origin);
  if (addresses.other) reply.plain_address(Attribute::other_address, *addresses.other);
  return Reply{reply.fingerprint(), from_other_port};
}

}  // namespace lanrage::stun
