#include "io/unix_socket.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

using testing::HasSubstr;

class UnixSocketTest : public testing::Test {
 protected:
  static boost::asio::awaitable<WipedString> answer(WipedString request) {
    co_return request == "big" ? WipedString(1'000'000, 'x') : "got " + request;
  }

  Result<std::unique_ptr<LocalServer>> start() {
    LocalServer::Options options;
    options.path = path();
    options.idle_time = std::chrono::milliseconds(500);
    options.on_stranger = [this](unsigned uid, int pid) { strangers.emplace_back(uid, pid); };
    return LocalServer::start(io, options, answer);
  }
  std::filesystem::path path() const { return directory.path() / "agent.sock"; }

  // The loop runs in a thread of its own, since the CLI's side blocks.
  void run_loop() {
    thread = std::jthread([this] {
      auto work = boost::asio::make_work_guard(io);
      io.run();
    });
  }
  ~UnixSocketTest() override {
    io.stop();
    if (thread.joinable()) thread.join();
  }

  TemporaryDirectory directory;
  boost::asio::io_context io;
  std::unique_ptr<LocalServer> server;
  std::vector<std::pair<unsigned, int>> strangers;
  std::jthread thread;
};

constexpr std::chrono::milliseconds kLong{20'000};

TEST_F(UnixSocketTest, AnswersLines) {
  server = start().value();
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
  run_loop();
  EXPECT_EQ(local_request(path(), "{}", kLong).value(), "got {}");
  EXPECT_EQ(local_request(path(), "big", kLong).value().size(), 1'000'000u);
}

TEST_F(UnixSocketTest, AnswersSeveralRequestsOnOneConnection) {
  server = start().value();
  run_loop();
  boost::asio::io_context mine;
  boost::asio::local::stream_protocol::socket socket(mine);
  socket.connect(path().string());
  boost::asio::write(socket, boost::asio::buffer(std::string_view("a\nb\n")));
  std::string got(12, ' ');
  boost::asio::read(socket, boost::asio::buffer(got));
  EXPECT_EQ(got, "got a\ngot b\n");
}

TEST_F(UnixSocketTest, TellsWhatIsWrong) {
  auto nobody = local_request(path(), "{}", kLong);
  ASSERT_FALSE(nobody);
  EXPECT_TRUE(nobody.error().is(LocalErrc::not_running));
  EXPECT_THAT(nobody.error().message(), HasSubstr(path().string()));
  EXPECT_TRUE(local_request(path(), "a\nb", kLong).error().is(LocalErrc::line_too_long));
  server = start().value();
  run_loop();
  EXPECT_EQ(local_request(path(), std::string(kMaxLocalLine - 1, 'x'), kLong).value().size(),
            kMaxLocalLine + 3);
  EXPECT_FALSE(local_request(path(), std::string(kMaxLocalLine, 'x'), kLong));
}

TEST_F(UnixSocketTest, CutsALineThatIsTooLong) {
  server = start().value();
  run_loop();
  boost::asio::io_context mine;
  boost::asio::local::stream_protocol::socket socket(mine);
  socket.connect(path().string());
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(std::string(kMaxLocalLine + 1, 'x')), error);
  char byte;
  boost::asio::read(socket, boost::asio::buffer(&byte, 1), error);
  EXPECT_TRUE(error);
}

TEST_F(UnixSocketTest, TimesOutOnADaemonThatHangs) {
  server = start().value();  // nobody runs its loop
  EXPECT_TRUE(
      local_request(path(), "{}", std::chrono::milliseconds(20)).error().is(LocalErrc::timeout));
}

TEST_F(UnixSocketTest, ReplacesAStaleSocketButNotALivingOneNorAFile) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);  // leaves the file
  auto first = start();
  ASSERT_TRUE(first) << first.error().message();
  auto second = start();
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(LocalErrc::already_running));
  EXPECT_TRUE(std::filesystem::exists(path()));  // the first one's, untouched
  first->reset();
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::filesystem::create_directory(path());
  auto third = start();
  ASSERT_FALSE(third);
  EXPECT_TRUE(third.error().is(LocalErrc::cannot_listen));
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixSocketTest, ServesNoStrangerEvenIfTheModeLetsHimIn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  server = start().value();
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  pid_t child = 0;
  auto as_stranger = [&] {
    child = ::fork();
    if (child == 0) {
      if (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
      auto got = local_request(path(), "{}", kLong);
      ::_exit(got ? 0 : got.error().is(LocalErrc::permission_denied) ? 1 : 2);
    }
    // The loop runs here, without threads, so that fork() was safe.
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      io.restart();
      io.run_for(std::chrono::milliseconds(5));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(as_stranger(), 1);
  EXPECT_TRUE(strangers.empty());  // the kernel kept him out
  std::filesystem::permissions(path(), std::filesystem::perms::all);
  EXPECT_EQ(as_stranger(), 2);  // closed without an answer
  EXPECT_EQ(strangers, (std::vector<std::pair<unsigned, int>>{{65534u, child}}));
}

}  // namespace
}  // namespace lanrage::io
