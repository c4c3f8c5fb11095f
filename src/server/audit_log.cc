#include "server/audit_log.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace lanrage::server {
namespace {

constexpr std::string_view kEvent = "audit";
constexpr std::chrono::minutes kSummaryEvery{1};

using File = std::shared_ptr<std::FILE>;

Result<File> open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "a");
  if (!file) {
    const std::string why = std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return fail(AuditErrc::cannot_open,
                "can't open the audit log " + path + " (" + why +
                    "): make its folder, or name another file with --audit-log",
                "--audit-log");
  }
  return File(file, std::fclose);
}

}  // namespace

AuditLog::AuditLog(io::Log& log, const Clock& clock, const Limits& limits)
    : log_(&log), clock_(clock), by_address_(limits.denials_an_address), all_(limits.denials) {}

AuditLog::AuditLog(File file, std::string path, const Clock& clock, const Limits& limits)
    : path_(std::move(path)),
      file_(std::move(file)),
      own_(std::make_unique<io::Log>(file_.get())),
      log_(own_.get()),
      clock_(clock),
      by_address_(limits.denials_an_address),
      all_(limits.denials) {}

Result<std::unique_ptr<AuditLog>> AuditLog::to_file(const std::string& path, const Clock& clock,
                                                    const Limits& limits) {
  auto file = open_file(path);
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(*file), path, clock, limits));
}

Result<void> AuditLog::reopen() {
  if (!file_) return {};
  auto file = open_file(path_);
  if (!file) return std::unexpected(file.error());
  own_ = std::make_unique<io::Log>(file->get());
  log_ = own_.get();
  file_ = std::move(*file);
  return {};
}

void AuditLog::created(const PartyId& party, const PeerId& host, const IpAddress& from) {
  log_->notice(kEvent, {{"what", "created"},
                        {"party", party.to_string()},
                        {"peer", host.to_string()},
                        {"address", from.to_string()}});
}

void AuditLog::joined(const PartyId& party, const PeerId& peer, const IpAddress& from) {
  log_->notice(kEvent, {{"what", "joined"},
                        {"party", party.to_string()},
                        {"peer", peer.to_string()},
                        {"address", from.to_string()}});
}

void AuditLog::left(const PartyId& party, const PeerId& peer, std::string_view reason) {
  log_->notice(kEvent, {{"what", "left"},
                        {"party", party.to_string()},
                        {"peer", peer.to_string()},
                        {"reason", std::string(reason)}});
}

void AuditLog::kicked(const PartyId& party, const PeerId& peer, const std::optional<PeerId>& by) {
  log_->notice(kEvent, {{"what", "kicked"},
                        {"party", party.to_string()},
                        {"peer", peer.to_string()},
                        {"by", by ? by->to_string() : "operator"}});
}

void AuditLog::closed(const PartyId& party, std::string_view reason) {
  log_->notice(kEvent,
               {{"what", "closed"}, {"party", party.to_string()}, {"reason", std::string(reason)}});
}

void AuditLog::relay(std::string_view what, const std::string& id, const IpAddress& from) {
  log_->notice(kEvent, {{"what", std::string(what)}, {"relay", id}, {"address", from.to_string()}});
}

void AuditLog::denied(std::string_view route, std::string_view code,
                      const std::optional<PeerId>& peer, const IpAddress& from) {
  const Instant now = clock_.monotonic();
  // The address first: one that floods uses up nothing of the others' share.
  if (!by_address_.take(rate_key(from), now) || !all_.take("", now)) {
    ++left_out_;
    return;
  }
  log_->notice(kEvent, {{"what", "denied"},
                        {"route", std::string(route)},
                        {"reason", std::string(code)},
                        {"peer", peer ? peer->to_string() : "unknown"},
                        {"address", from.to_string()}});
}

void AuditLog::tick() {
  const Instant now = clock_.monotonic();
  if (now < next_summary_) return;
  next_summary_ = now + kSummaryEvery;
  if (left_out_ == 0) return;
  log_->notice(kEvent, {{"what", "denials_left_out"}, {"count", std::to_string(left_out_)}});
  left_out_ = 0;
}

}  // namespace lanrage::server
