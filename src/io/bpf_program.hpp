// Classic BPF (linux/filter.h), written with labels.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::io {

// Assembles jumps to labels; all jumps go forward, and an unnamed target is the next instruction.
class BpfProgram {
 public:
  void add(int code, std::uint32_t value) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
  }
  void jump(int condition, std::uint32_t value, std::string if_true, std::string if_false) {
    pending_.push_back({code_.size(), std::move(if_true), std::move(if_false)});
    add(BPF_JMP | condition | BPF_K, value);
  }
  void label(const std::string& name) { labels_[name] = code_.size(); }

  std::vector<sock_filter> take() {
    for (const auto& jump : pending_) {
      code_[jump.at].jt = distance(jump.at, jump.if_true);
      code_[jump.at].jf = distance(jump.at, jump.if_false);
    }
    return std::move(code_);
  }

 private:
  struct Pending {
    std::size_t at;
    std::string if_true;
    std::string if_false;
  };

  std::uint8_t distance(std::size_t from, const std::string& name) const {
    return name.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(labels_.at(name) - from - 1);
  }

  std::vector<sock_filter> code_;
  std::vector<Pending> pending_;
  std::map<std::string, std::size_t> labels_;
};

inline constexpr std::uint32_t kProtocolUdp = 17;

// For a packet socket (SOCK_DGRAM, all protocols): of what leaves, UDP over IPv4 goes on with the
// next instruction, and IPv6, whatever is in it, at "ipv6"; the rest to "drop".
void begin_with_sent_udp(BpfProgram& program);
// "accept" and "drop".
void end_with_verdicts(BpfProgram& program);

}  // namespace lanrage::io
