#include "lan/dns.hpp"

#include <optional>

namespace lanrage::lan {
namespace {

// RFC 1035 section 4.1.1 and 3.2; OPT: RFC 6891 section 6.1.
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 255;
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kTypeAny = 255;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassAny = 255;
constexpr std::uint16_t kNameOfQuestion = 0xc00c;  // a pointer to offset 12
constexpr std::uint16_t kOurSize = 1232;           // octets of a datagram that we take

enum class Rcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
};

struct Header {
  std::uint16_t id, flags, questions, answers, authorities, additionals;
};

struct Question {
  std::string name;  // lower case
  std::uint16_t type = 0;
  std::uint16_t of_class = 0;
  ByteView raw;
};

std::optional<Question> read_question(ByteReader& reader, ByteView query) {
  Question out;
  const auto begin = reader.position();
  while (const auto size = reader.u8()) {
    const auto label = reader.take(size);
    // Longer ones are pointers, which a question has no use for.
    if (size > kLongestLabel || reader.position() - begin >= kLongestName) return std::nullopt;
    if (!out.name.empty()) out.name += '.';
    for (const auto c : label)
      out.name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  out.type = reader.u16();
  out.of_class = reader.u16();
  if (!reader.ok()) return std::nullopt;
  out.raw = query.subspan(begin, reader.position() - begin);
  return out;
}

bool asks_with_opt(const Header& header, ByteReader reader) {
  return header.answers == 0 && header.authorities == 0 && header.additionals == 1 &&
         reader.u8() == 0 && reader.u16() == kTypeOpt;
}

bool is_below(std::string_view name, std::string_view domain) {
  return name.size() > domain.size() && name.ends_with(domain) &&
         name[name.size() - domain.size() - 1] == '.';
}

Rcode judge(const Question& question, const NameTable& names) {
  const auto& name = question.name;
  const bool ours = name == kZone || is_below(name, kZone);
  if (!ours || (question.of_class != kClassIn && question.of_class != kClassAny))
    return Rcode::refused;
  // RFC 8020: what has names below it is there itself.
  for (const auto& [known, address] : names)
    if (known == name || is_below(known, name)) return Rcode::no_error;
  return name == kZone ? Rcode::no_error : Rcode::name_error;
}

}  // namespace

Bytes answer_query(ByteView query, const NameTable& names) {
  ByteReader reader(query);
  const Header header{reader.u16(), reader.u16(), reader.u16(),
                      reader.u16(), reader.u16(), reader.u16()};
  if (!reader.ok() || (header.flags & kResponse) != 0) return {};
  ByteWriter out;
  const auto begin = [&](Rcode rcode, std::uint16_t questions, std::uint16_t answers,
                         std::uint16_t additionals) {
    const auto flags = kResponse | kAuthoritative | (header.flags & (kOpcode | kRecursionDesired)) |
                       static_cast<int>(rcode);
    out.u16(header.id).u16(static_cast<std::uint16_t>(flags));
    out.u16(questions).u16(answers).u16(0).u16(additionals);
  };
  if ((header.flags & kOpcode) != 0) {
    begin(Rcode::not_implemented, 0, 0, 0);
    return std::move(out).take();
  }
  const auto question = header.questions == 1 ? read_question(reader, query) : std::nullopt;
  if (!question) {
    begin(Rcode::format_error, 0, 0, 0);
    return std::move(out).take();
  }

  const bool opt = asks_with_opt(header, reader);
  const auto found = names.find(question->name);
  const auto rcode = judge(*question, names);
  const bool addressed = rcode == Rcode::no_error && found != names.end() &&
                         found->second.is_v4() &&
                         (question->type == kTypeA || question->type == kTypeAny);
  begin(rcode, 1, addressed ? 1 : 0, opt ? 1 : 0);
  out.raw(question->raw);
  if (addressed) {
    out.u16(kNameOfQuestion).u16(kTypeA).u16(kClassIn).u32(0);
    out.counted16(found->second.bytes());
  }
  if (opt) out.u8(0).u16(kTypeOpt).u16(kOurSize).u32(0).u16(0);
  return std::move(out).take();
}

}  // namespace lanrage::lan
