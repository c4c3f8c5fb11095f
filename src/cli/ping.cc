#include <CLI/CLI.hpp>

#include "cli/peer_command.hpp"

namespace lanrage::cli {
namespace {

constexpr int kMaxCount = 100;  // one echo a second at most: a longer look is `ping`'s own job

class Ping final : public PeerCommand {
 public:
  std::string_view name() const override { return "ping"; }
  std::string_view summary() const override { return "Measure the way to a peer"; }

  void add_options(CLI::App& app) override {
    PeerCommand::add_options(app);
    app.add_option("--count", count_, "How many echoes to send")
        ->check(CLI::Range(1, kMaxCount))
        ->capture_default_str();
  }

  boost::json::object request() const override {
    auto out = PeerCommand::request();
    out["count"] = count_;
    return out;
  }

  void print(const boost::json::object& result, std::ostream& out) const override {
    const auto& rtt = object_of(result, "rtt_ms");
    out << text_of(result, "received") << " of " << text_of(result, "sent") << " echoes came back";
    if (const auto path = text_of(result, "path"); !path.empty()) out << ", path " << path;
    if (!rtt.empty())
      out << ", round trip min/avg/max " << milliseconds(rtt, "min") << " / "
          << milliseconds(rtt, "avg") << " / " << milliseconds(rtt, "max");
    out << '\n';
  }

  ExitStatus status(const boost::json::object& result) const override {
    return text_of(result, "received") == "0" ? ExitStatus::refused : ExitStatus::done;
  }
  int timeout_seconds() const override { return 10 + 2 * count_; }

 private:
  int count_ = 4;
};

}  // namespace

std::unique_ptr<Command> make_ping() {
  return std::make_unique<Ping>();
}

}  // namespace lanrage::cli
