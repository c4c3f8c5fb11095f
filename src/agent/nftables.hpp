// The kernel's packet filter, by nftables' own language. In the calling thread's network namespace.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

struct nft_ctx;

namespace lanrage::agent {

class Nftables {
 public:
  // Nothing: this kernel has no netfilter.
  static std::optional<Nftables> open();

  // Any number of commands as one transaction: all or none. The error is the first line of what
  // nftables says.
  std::expected<void, std::string> run(const std::string& commands);
  // What a command prints.
  std::expected<std::string, std::string> ask(const std::string& command);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  explicit Nftables(nft_ctx* context) : context_(context) {}
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace lanrage::agent
