#include "server/service_manager.hpp"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/temp_dir.hpp"

namespace lanrage::server {
namespace {

// What systemd's end of the socket hears.
class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string path = (folder_.path() / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
  }
  ~ServiceManagerTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    ::close(fd_);
  }

  // The next message; empty when there is none now.
  std::string heard() const {
    char buffer[512];
    const auto size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
  }

  boost::asio::io_context loop;

 private:
  lab::TempDir folder_;
  int fd_;
};

TEST_F(ServiceManagerTest, TellsReadyReloadingAndStopping) {
  ServiceManager manager(loop);
  manager.ready("Serving");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=Serving");
  EXPECT_EQ(heard(), "") << "no watchdog, none fed";
  manager.reloading();
  EXPECT_TRUE(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  manager.stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, FeedsTheWatchdogWhileTheLoopTurnsAndOnlyThen) {
  ::setenv("WATCHDOG_USEC", "2000", 1);
  ServiceManager manager(loop);
  manager.ready("Serving");
  heard();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(heard(), "") << "the loop stands still";
    loop.run_one();
    EXPECT_EQ(heard(), "WATCHDOG=1");
  }
  manager.ready("Serving again");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=Serving again");
  EXPECT_EQ(heard(), "") << "fed by one timer, not by two";
}

TEST_F(ServiceManagerTest, TheWatchdogMayBeMeantForAnotherProcess) {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(15));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::seconds(15));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_interval(), std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  for (const char* bad : {"", "0", "1", "-5", "12x", "99999999999999999999"}) {
    ::setenv("WATCHDOG_USEC", bad, 1);
    EXPECT_EQ(watchdog_interval(), std::nullopt) << bad;
  }
}

TEST_F(ServiceManagerTest, WithoutASocketNothingIsTold) {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceManager manager(loop);
  manager.ready("Serving");
  EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace lanrage::server
