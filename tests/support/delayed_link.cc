#include "support/delayed_link.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <optional>
#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "support/process.hpp"

namespace lanrage::lab {
namespace {

constexpr std::size_t kMaxInFlight = 4'096;  // frames a direction; what comes on top is lost
constexpr std::size_t kMaxFrame = 65'536;

int open_tap(const NetNamespace& netns, const std::string& name) {
  return netns.inside([&] {
    const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) throw LabError("the lab's delayed links need /dev/net/tun (module tun)");
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    std::memcpy(request.ifr_name, name.c_str(), std::min<std::size_t>(name.size(), IFNAMSIZ - 1));
    if (::ioctl(fd, TUNSETIFF, &request) != 0) throw LabError("can't make the TAP device " + name);
    return fd;
  });
}

// One direction: frames wait here for their time.
class Lane {
 public:
  Lane(int from, int to, const LinkQuality& quality, std::uint64_t seed)
      : from_(from),
        to_(to),
        delay_(quality.one_way),
        jitter_(0, Clock::duration(quality.jitter).count()),
        lost_(quality.loss),
        random_(seed) {}

  int from() const { return from_; }

  void take_in() {
    std::array<char, kMaxFrame> buffer;
    while (true) {
      const auto size = ::read(from_, buffer.data(), buffer.size());
      if (size <= 0) return;
      if (lost_(random_) || frames_.size() == kMaxInFlight) continue;
      last_due_ = std::max(last_due_, Clock::now() + delay_ + Clock::duration(jitter_(random_)));
      frames_.push_back({last_due_, {buffer.data(), buffer.data() + size}});
    }
  }

  void let_out() {
    while (!frames_.empty() && frames_.front().due <= Clock::now()) {
      const auto& bytes = frames_.front().bytes;
      [[maybe_unused]] const auto written = ::write(to_, bytes.data(), bytes.size());
      frames_.pop_front();
    }
  }

  std::optional<Clock::time_point> next_due() const {
    if (frames_.empty()) return std::nullopt;
    return frames_.front().due;
  }

 private:
  struct Frame {
    Clock::time_point due;
    std::vector<char> bytes;
  };

  int from_;
  int to_;
  Clock::duration delay_;
  std::uniform_int_distribution<Clock::rep> jitter_;
  Clock::time_point last_due_;
  std::bernoulli_distribution lost_;
  std::mt19937_64 random_;
  std::deque<Frame> frames_;
};

timespec until(Clock::time_point due) {
  const auto left = std::max(Clock::duration::zero(), due - Clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

}  // namespace

DelayedLink::DelayedLink(const NetNamespace& a, const std::string& interface_a,
                         const NetNamespace& b, const std::string& interface_b,
                         const LinkQuality& quality)
    : tap_a_(open_tap(a, interface_a)),
      tap_b_(open_tap(b, interface_b)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      carrier_([this, quality] { carry(quality); }) {}

DelayedLink::~DelayedLink() {
  ::eventfd_write(stop_, 1);
  carrier_.join();
  for (const int fd : {tap_a_, tap_b_, stop_})
    ::close(fd);
}

void DelayedLink::carry(const LinkQuality& quality) {
  Lane there(tap_a_, tap_b_, quality, quality.seed);
  Lane back(tap_b_, tap_a_, quality, quality.seed + 1);
  while (true) {
    auto due = there.next_due();
    if (const auto other = back.next_due(); other && (!due || *other < *due)) due = other;
    const timespec wait = until(due.value_or(Clock::now()));
    std::array<pollfd, 3> entries{pollfd{there.from(), POLLIN, 0}, pollfd{back.from(), POLLIN, 0},
                                  pollfd{stop_, POLLIN, 0}};
    ::ppoll(entries.data(), entries.size(), due ? &wait : nullptr, nullptr);
    if (entries[2].revents != 0) return;
    if (entries[0].revents != 0) there.take_in();
    if (entries[1].revents != 0) back.take_in();
    there.let_out();
    back.let_out();
  }
}

}  // namespace lanrage::lab
