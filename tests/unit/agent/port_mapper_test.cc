#include "agent/port_mapper.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <gtest/gtest.h>

namespace lanrage::agent {
namespace {

using portmap::Grant;
using portmap::Method;
using portmap::Port;
using portmap::Transport;
using portmap::Wish;

constexpr std::chrono::seconds kLimit{30};

// A home's router: what it forwards now.
class Home {
 public:
  std::vector<std::uint16_t> forwarded() {
    const std::lock_guard lock(mutex_);
    return forwarded_;
  }
  void set(std::uint16_t port, bool on) {
    const std::lock_guard lock(mutex_);
    std::erase(forwarded_, port);
    if (on) forwarded_.push_back(port);
    changed_.notify_all();
  }
  bool becomes(const std::vector<std::uint16_t>& ports) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit,
                             [&] { return std::ranges::is_permutation(forwarded_, ports); });
  }
  std::atomic<bool> silent = false;
  std::atomic<bool> exists = true;
  std::atomic<int> asked = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint16_t> forwarded_;
};

class HomeGateway final : public portmap::Gateway {
 public:
  explicit HomeGateway(Home& home) : home_(home) {}
  Method method() const override { return Method::pcp; }
  portmap::Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
                     const std::stop_token&) override {
    ++home_.asked;
    if (home_.silent) return {std::nullopt, std::nullopt, {}, "PCP: the router doesn't answer"};
    portmap::Round round{Method::pcp, IpAddress::parse("11.22.33.44"), {}, {}};
    for (const auto& wish : wishes) {
      home_.set(wish.port.port, true);
      round.granted.push_back({wish.port, wish.external, lifetime});
    }
    return round;
  }
  void unmap(std::span<const Grant> grants) override {
    for (const auto& grant : grants)
      home_.set(grant.port.port, false);
  }

 private:
  Home& home_;
};

class PortMapperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    PortMapper::Options options;
    options.gateways.push_back(std::make_unique<HomeGateway>(home_));
    options.is_behind_router = [this] { return home_.exists.load(); };
    mapper_ = std::make_unique<PortMapper>(io_, std::move(options), log_);
  }
  PortMapper::Listener listener() {
    return [this](const auto& mapping) {
      mapping_ = mapping;
      ++told_;
    };
  }
  // Runs the loop until the listener was told `times` times.
  bool told(int times) {
    io_.restart();
    const auto work = boost::asio::make_work_guard(io_);
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (told_ < times && std::chrono::steady_clock::now() < end)
      io_.run_one_for(std::chrono::milliseconds(100));
    return told_ == times;
  }

  Home home_;
  boost::asio::io_context io_;
  io::Log log_{stderr, io::LogLevel::error};
  std::unique_ptr<PortMapper> mapper_;
  std::optional<PortMapping> mapping_;
  int told_ = 0;
};

TEST_F(PortMapperTest, TellsTheMappingAndTakesItBackWithTheLease) {
  auto lease = mapper_->map(41'641, listener());
  const auto other = mapper_->map(41'642, [](const auto&) {});
  ASSERT_TRUE(told(1));
  EXPECT_EQ(mapping_, (PortMapping{Method::pcp, IpAddress::parse("11.22.33.44"), 41'641}));
  EXPECT_TRUE(home_.becomes({41'641, 41'642}));
  lease.reset();
  EXPECT_TRUE(home_.becomes({41'642}));
}

TEST_F(PortMapperTest, ItsEndTakesAllBack) {
  auto lease = mapper_->map(41'641, listener());
  EXPECT_TRUE(home_.becomes({41'641}));
  lease.reset();
  mapper_.reset();
  EXPECT_EQ(home_.forwarded(), std::vector<std::uint16_t>());
}

TEST_F(PortMapperTest, NobodyIsToldAfterTheEnd) {
  auto lease = mapper_->map(41'641, listener());
  EXPECT_TRUE(home_.becomes({41'641}));
  lease.reset();
  mapper_.reset();
  io_.poll();
  EXPECT_EQ(told_, 0);
}

TEST_F(PortMapperTest, AnotherNetworkIsAskedAtOnceAndALostMappingTold) {
  const auto lease = mapper_->map(41'641, listener());
  ASSERT_TRUE(told(1));
  home_.silent = true;
  mapper_->ask_anew();
  ASSERT_TRUE(told(2));
  EXPECT_FALSE(mapping_);
  home_.silent = false;
  mapper_->ask_anew();
  ASSERT_TRUE(told(3));
  EXPECT_TRUE(mapping_);
}

TEST_F(PortMapperTest, AsksNobodyWhereThereIsNoRouter) {
  home_.exists = false;
  auto lease = mapper_->map(41'641, listener());
  mapper_->ask_anew();
  lease.reset();
  mapper_.reset();
  EXPECT_EQ(home_.asked, 0);
}

}  // namespace
}  // namespace lanrage::agent
