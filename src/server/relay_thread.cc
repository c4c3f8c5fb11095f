#include "server/relay_thread.hpp"

#include <algorithm>
#include <time.h>

namespace lanrage::server {
namespace {

// Then others' turn comes (the timer, the end); a full socket is polled again at once.
constexpr int kBatchesATurn = 16;

std::uint64_t nanoseconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

RelayThread::RelayThread(UdpSocket socket, std::unique_ptr<relay::Relay> relay,
                         std::span<const std::unique_ptr<ShardInbox>> inboxes, std::size_t number)
    : socket_(std::move(socket)),
      relay_(std::move(relay)),
      inboxes_(inboxes),
      inbox_(*inboxes[number]),
      batch_(socket_.receives_trains() ? UdpBatch::Trains::yes : UdpBatch::Trains::no) {}

Result<void> RelayThread::start() {
  auto worker = UdpWorker::start(
      {&socket_},
      {.readable = [this](std::size_t, const UdpTimes& times) { on_readable(times); },
       .every_second =
           [this](const UdpTimes& times) {
             relay_->on_timeout(times.now);
             post();
             note_cpu_time();
             publish();
           },
       .nudged =
           [this](const UdpTimes& times) {
             inbox_.clear_wake();
             take_messages(times);
             publish();
             take_looks();
           }},
      inbox_.fd());
  if (!worker) return std::unexpected(worker.error());
  worker_ = std::move(*worker);
  return {};
}

void RelayThread::note_cpu_time() {
  cpu_seconds_ = static_cast<double>(nanoseconds(CLOCK_THREAD_CPUTIME_ID)) / 1e9;
}

void RelayThread::look(Looked done) {
  {
    const std::lock_guard lock(looks_mutex_);
    looks_.push_back(std::move(done));
  }
  inbox_.wake();
}

void RelayThread::take_looks() {
  std::vector<Looked> looks;
  {
    const std::lock_guard lock(looks_mutex_);
    looks.swap(looks_);
  }
  if (looks.empty()) return;
  note_cpu_time();
  publish();
  for (auto& done : looks)
    done(relay_->traffic());
}

void RelayThread::set_token_key(const crypto::VerifyKey& key) {
  const std::lock_guard lock(key_mutex_);
  next_key_ = key;
  has_next_key_ = true;
}

void RelayThread::adopt_token_key() {
  if (!has_next_key_) return;
  const std::lock_guard lock(key_mutex_);
  relay_->set_token_key(*next_key_);
  has_next_key_ = false;
}

void RelayThread::on_readable(const UdpTimes& times) {
  adopt_token_key();
  for (int turn = 0; turn < kBatchesATurn; ++turn) {
    auto received = batch_.receive(socket_);
    const std::uint64_t received_at = nanoseconds(CLOCK_MONOTONIC);
    // Others' messages tell of moments after this turn began.
    const UdpTimes current{Instant(Duration(static_cast<Duration::rep>(received_at / 1'000))),
                           times.unix_now};
    // After the packets were received: what taught another thread of their coming is there then.
    take_messages(current);
    std::size_t forwarded = 0;
    for (const auto& datagram : received) {
      if (batch_.full()) {
        post();
        batch_.send(socket_);
      }
      auto verdict = relay_->on_packet(current.now, current.unix_now, datagram.from, datagram.bytes,
                                       datagram.local);
      switch (verdict.kind) {
        case relay::Verdict::Kind::drop:
        case relay::Verdict::Kind::elsewhere:
          break;
        case relay::Verdict::Kind::forward:
          batch_.queue(socket_, verdict.to, verdict.local, datagram.bytes);
          ++forwarded;
          break;
        case relay::Verdict::Kind::reply: {
          // No larger than what came, so it fits in its place.
          std::ranges::copy(verdict.reply, datagram.buffer.begin());
          batch_.queue(socket_, verdict.to, verdict.local,
                       datagram.buffer.first(verdict.reply.size()));
          break;
        }
      }
    }
    post();
    batch_.send(socket_);
    if (forwarded != 0) latency_.add(nanoseconds(CLOCK_MONOTONIC) - received_at, forwarded);
    if (!batch_.was_full()) break;
  }
  publish();
}

void RelayThread::take_messages(const UdpTimes& times) {
  adopt_token_key();
  for (const auto& message : inbox_.take()) {
    const auto verdict = relay_->on_message(times.now, times.unix_now, message);
    const bool reply = verdict.kind == relay::Verdict::Kind::reply;
    if (!reply && verdict.kind != relay::Verdict::Kind::forward) continue;
    const ByteView bytes = reply ? verdict.reply : relay::packet_of(message);
    passed_.emplace_back(bytes.begin(), bytes.end());
    passed_batch_.queue(socket_, verdict.to, verdict.local, passed_.back());
    if (passed_batch_.full()) send_passed();
  }
  send_passed();
}

void RelayThread::send_passed() {
  post();
  if (passed_.empty()) return;
  passed_batch_.send(socket_);
  passed_.clear();
}

void RelayThread::post() {
  if (!relay_->has_posted()) return;
  for (auto& [to, message] : relay_->take_posted()) {
    passed_on_ += !relay::packet_of(message).empty();
    if (!inboxes_[to]->post(std::move(message))) ++passed_lost_;
  }
}

void RelayThread::publish() {
  UdpCounters udp = batch_.counters();
  udp += passed_batch_.counters();
  udp.send_failures += passed_lost_;
  const std::lock_guard lock(counters_mutex_);
  published_ = {relay_->counters(), udp,      passed_on_,  relay_->clients(),
                relay_->sessions(), latency_, cpu_seconds_};
}

RelayThreadCounters RelayThread::counters() const {
  const std::lock_guard lock(counters_mutex_);
  return published_;
}

}  // namespace lanrage::server
