#include "cli/peer_command.hpp"
#include "cli/receipts.hpp"

namespace lanrage::cli {
namespace {

class Kick final : public PeerCommand {
 public:
  std::string_view name() const override { return "kick"; }
  std::string_view summary() const override {
    return "Remove somebody from a party (host and deputies)";
  }
  void print(const boost::json::object& result, std::ostream& out) const override {
    out << who(result) << " is out of the party, which has a new key now.\n";
    print_receipts(result, out);
  }
  int timeout_seconds() const override { return kGoverningTimeout; }
};

}  // namespace

std::unique_ptr<Command> make_kick() {
  return std::make_unique<Kick>();
}

}  // namespace lanrage::cli
