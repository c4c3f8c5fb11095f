// TLS certificates, pins and contexts (TLS 1.2 and 1.3) over OpenSSL.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/hash.hpp"

struct ssl_ctx_st;
struct x509_st;

namespace lanrage::io {

enum class TlsErrc {
  cannot_read_certificate,
  cannot_write_certificate,
  certificate_key_mismatch,
};
constexpr std::string_view name_of(TlsErrc code) {
  switch (code) {
    case TlsErrc::cannot_read_certificate:
      return "cannot_read_certificate";
    case TlsErrc::cannot_write_certificate:
      return "cannot_write_certificate";
    case TlsErrc::certificate_key_mismatch:
      return "certificate_key_mismatch";
  }
  return "unknown";
}

// The first 16 bytes of SHA-256 of a certificate's SPKI; shown as base32.
using Pin = ByteArray<16>;
std::string to_text(const Pin& pin);
std::optional<Pin> parse_pin(std::string_view text);

// SHA-256 over the DER SubjectPublicKeyInfo: what registering binds to, and what the pin is cut of.
crypto::Hash spki_hash(x509_st* certificate);
Pin pin_of(const crypto::Hash& spki);

// What a server shows and proves. Immutable; shared by the connections that began with it.
class TlsContext {
 public:
  // PEM files as an operator gives them; `certificate` may hold the chain.
  static Result<std::shared_ptr<TlsContext>> load(const std::filesystem::path& certificate,
                                                  const std::filesystem::path& key);
  // server.crt and server.key in `directory`; made at first start (P-256, self-signed, 0600).
  // Half of the pair or an unreadable file is an error, never replaced: the pin would change.
  static Result<std::shared_ptr<TlsContext>> load_or_generate(
      const std::filesystem::path& directory);

  const crypto::Hash& spki() const { return spki_; }
  Pin pin() const { return pin_of(spki_); }
  bool self_signed() const { return self_signed_; }
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  TlsContext() = default;
  std::shared_ptr<ssl_ctx_st> context_;
  crypto::Hash spki_{};
  bool self_signed_ = false;
};

// How a client decides whom it talks to.
struct TlsPolicy {
  std::optional<Pin> pin;  // absent: the system's certificate authorities and the host's name
};

}  // namespace lanrage::io
