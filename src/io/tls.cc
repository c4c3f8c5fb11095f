#include "io/tls.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <system_error>

#include "base/encoding.hpp"
#include "io/durable_file.hpp"
#include "io/tls_settings.hpp"

namespace lanrage::io {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free>>;

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "no reason given";
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// Self-signed, because players trust it by its pin and by nothing that the certificate says.
// Valid for 20 years: its end would only break parties.
Certificate self_signed_certificate(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  if (!certificate) throw std::bad_alloc();
  X509* x = certificate.get();
  unsigned char serial[16];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7F;  // positive (RFC 5280 section 4.1.2.2)
  std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x));
  X509_set_version(x, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600);  // clocks of players may be behind
  X509_time_adj_ex(X509_getm_notAfter(x), 20 * 365, 0, nullptr);
  X509_NAME* name = X509_get_subject_name(x);
  const auto* common_name = reinterpret_cast<const unsigned char*>("lanrage");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key);
  for (auto [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:FALSE"),
                            std::pair(NID_key_usage, "critical,digitalSignature"),
                            std::pair(NID_ext_key_usage, "serverAuth"),
                            std::pair(NID_subject_alt_name, "DNS:lanrage")}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    if (extension == nullptr) throw std::bad_alloc();
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (X509_sign(x, key, EVP_sha256()) == 0) throw std::bad_alloc();
  return certificate;
}

Result<void> write_private_file(const std::filesystem::path& path, std::string_view text) {
  const auto written = write_durably(path, text);
  if (written) return {};
  const auto& trouble = written.error();
  const char* what = trouble.doing == "create" ? "can't create" : "can't write";
  return fail(TlsErrc::cannot_write_certificate, std::string(what) + " " + path.string() + ": " +
                                                     std::strerror(trouble.error) +
                                                     ". Is its directory there and writable?");
}

Result<PrivateKey> new_key(const std::filesystem::path& file) {
  PrivateKey key(EVP_EC_gen("P-256"));
  if (!key) throw std::bad_alloc();
  Memory text(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  if (auto written = write_private_file(file, text_of(text.get())); !written)
    return std::unexpected(std::move(written.error()));
  return key;
}

Result<PrivateKey> read_key(const std::filesystem::path& file) {
  Memory text(BIO_new_file(file.c_str(), "r"));
  PrivateKey key(text ? PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key)
    return fail(TlsErrc::cannot_read_certificate, "can't use the private key in " + file.string() +
                                                      ": " + openssl_reason() +
                                                      ". An unencrypted PEM file is needed.");
  return key;
}

Result<void> certify(const PrivateKey& key, const std::filesystem::path& file) {
  Certificate certificate = self_signed_certificate(key.get());
  Memory text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(text.get(), certificate.get());
  return write_private_file(file, text_of(text.get()));
}

}  // namespace

void apply_common_settings(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections give their 16 KiB record buffers back; a write may be repeated from another
  // address with the same bytes (Stream gathers on its stack).
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

std::string to_text(const Pin& pin) {
  return to_base32(pin);
}

std::optional<Pin> parse_pin(std::string_view text) {
  auto bytes = from_base32(text);
  if (!bytes || bytes->size() != std::tuple_size_v<Pin>) return std::nullopt;
  Pin pin;
  std::memcpy(pin.data(), bytes->data(), pin.size());
  return pin;
}

crypto::Hash spki_hash(X509* certificate) {
  unsigned char* der = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) throw std::bad_alloc();
  auto hash = crypto::sha256(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return hash;
}

Pin pin_of(const crypto::Hash& spki) {
  Pin pin;
  std::memcpy(pin.data(), spki.data(), pin.size());
  return pin;
}

Result<std::shared_ptr<TlsContext>> TlsContext::load(const std::filesystem::path& certificate,
                                                     const std::filesystem::path& key) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> out(new TlsContext);
  out->context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = out->context_.get();
  if (context == nullptr) throw std::bad_alloc();
  apply_common_settings(context);
  // Agents keep one connection for hours: resumption would only cost memory and tickets' keys.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return fail(TlsErrc::cannot_read_certificate, "can't use the certificate in " +
                                                      certificate.string() + ": " +
                                                      openssl_reason() + ". A PEM file is needed.");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    if (mismatch)
      return fail(TlsErrc::certificate_key_mismatch, "the key in " + key.string() +
                                                         " isn't the one of the certificate in " +
                                                         certificate.string());
    return fail(TlsErrc::cannot_read_certificate, "can't use the private key in " + key.string() +
                                                      ": " + openssl_reason() +
                                                      ". An unencrypted PEM file is needed.");
  }
  X509* shown = SSL_CTX_get0_certificate(context);
  out->spki_ = spki_hash(shown);
  out->self_signed_ = X509_NAME_cmp(X509_get_subject_name(shown), X509_get_issuer_name(shown)) == 0;
  return out;
}

Result<std::shared_ptr<TlsContext>> TlsContext::load_or_generate(
    const std::filesystem::path& directory) {
  auto certificate = directory / "server.crt";
  auto key = directory / "server.key";
  std::error_code error;
  bool has_certificate = std::filesystem::exists(certificate, error);
  bool has_key = std::filesystem::exists(key, error);
  // A key alone, from a backup or a first start cut short, gets a certificate: the pin is the
  // key's. A certificate alone means that the key was lost.
  if (has_certificate && !has_key)
    return fail(TlsErrc::cannot_read_certificate,
                certificate.string() + " is there but its key " + key.string() +
                    " isn't. Restore the key; or remove the certificate too, then a new pair is "
                    "made and every invite given out so far stops working.");
  if (!has_certificate) {
    ERR_clear_error();
    auto pair = has_key ? read_key(key) : new_key(key);
    if (!pair) return std::unexpected(std::move(pair.error()));
    if (auto made = certify(*pair, certificate); !made)
      return std::unexpected(std::move(made.error()));
  }
  return load(certificate, key);
}

}  // namespace lanrage::io
