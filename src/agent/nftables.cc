#include "agent/nftables.hpp"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include "io/unique_fd.hpp"

namespace lanrage::agent {
namespace {

// Without this, libnftables would end the whole process on a kernel without netfilter.
bool kernel_has_netfilter() {
  return static_cast<bool>(
      io::UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)));
}

}  // namespace

void Nftables::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

std::optional<Nftables> Nftables::open() {
  if (!kernel_has_netfilter()) return std::nullopt;
  Nftables out(nft_ctx_new(0));
  if (out.context_ == nullptr) return std::nullopt;
  nft_ctx_buffer_output(out.context_.get());
  nft_ctx_buffer_error(out.context_.get());
  return out;
}

std::expected<void, std::string> Nftables::run(const std::string& commands) {
  auto said = ask(commands);
  if (!said) return std::unexpected(std::move(said).error());
  return {};
}

std::expected<std::string, std::string> Nftables::ask(const std::string& command) {
  if (nft_run_cmd_from_buffer(context_.get(), command.c_str()) == 0)
    return nft_ctx_get_output_buffer(context_.get());
  std::string reason = nft_ctx_get_error_buffer(context_.get());
  return std::unexpected(reason.substr(0, reason.find('\n')));
}

}  // namespace lanrage::agent
