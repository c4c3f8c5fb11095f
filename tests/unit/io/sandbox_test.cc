// Each case gives something up in a child of its own, since there is no way back.
#include "io/sandbox.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "io/core_dumps.hpp"
#include "io/unique_fd.hpp"
#include "support/in_child.hpp"
#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string status_line(const std::string& name) {
  std::ifstream file("/proc/thread-self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

// Says so unless the call failed with that error.
std::string refused(const std::string& what, long result, int error) {
  if (result == -1 && errno == error) return {};
  return what + ": " + (result == -1 ? std::strerror(errno) : "went through") + "; ";
}

TEST(Capabilities, OnlyThoseKeptAreLeft) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has any";
  EXPECT_EQ(in_child([] {
              if (!keep_capabilities({CAP_NET_RAW, CAP_NET_ADMIN})) return std::string("failed");
              std::string out;
              for (const auto* set : {"CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"})
                out += status_line(set).substr(10) + " ";
              return out + status_line("NoNewPrivs");
            }),
            "003000 003000 003000 000000 000000 1");
}

TEST(Capabilities, SomebodyWithoutAnyGivesUpNothing) {
  EXPECT_EQ(in_child([] {
              if (::geteuid() == 0 && ::setuid(65534) != 0) return std::string("no nobody");
              if (!keep_capabilities({CAP_NET_BIND_SERVICE})) return std::string("failed");
              return status_line("CapEff") + " " + status_line("NoNewPrivs");
            }),
            "0000000000000000 1");
}

TEST(CoreDumps, AreOffForUsAndForWhatWeStart) {
  EXPECT_EQ(in_child([] {
              const rlimit some{4096, RLIM_INFINITY};
              ::setrlimit(RLIMIT_CORE, &some);
              // Afterwards it is root's file.
              std::ifstream file("/proc/self/coredump_filter");
              forbid_core_dumps();
              rlimit now{};
              ::getrlimit(RLIMIT_CORE, &now);
              std::string filter;
              file >> filter;
              return std::to_string(now.rlim_cur) + " " + std::to_string(now.rlim_max) + " " +
                     std::to_string(::prctl(PR_GET_DUMPABLE)) + " " + filter;
            }),
            "0 0 0 00000000");
}

class FileAccessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
      GTEST_SKIP() << "this kernel has no Landlock";
    std::ofstream(other.path() / "file") << "x";
  }
  static bool can_open(const fs::path& path, int flags) {
    return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)).get() >= 0;
  }
  TemporaryDirectory mine;
  TemporaryDirectory other;
};

TEST_F(FileAccessTest, WritesWhereItMayAndNowhereElse) {
  EXPECT_EQ(in_child([&] {
              const auto done = confine_files({{mine.path(), "/dev/null", "/no/such"}, {}, {}});
              if (!done) return done.error().message();
              std::string wrong;
              const auto expect = [&](bool right, const char* what) {
                if (!right) wrong += std::string(what) + "; ";
              };
              expect(done->enforced, "confined");
              expect(done->skipped.empty(), "nothing skipped");
              expect(can_open(mine.path() / "new", O_WRONLY | O_CREAT), "write in mine");
              expect(::rename((mine.path() / "new").c_str(), (mine.path() / "n").c_str()) == 0,
                     "rename in mine");
              expect(can_open("/dev/null", O_WRONLY), "/dev/null");
              expect(can_open(other.path() / "file", O_RDONLY), "read other");
              expect(can_open("/etc/passwd", O_RDONLY), "read system");
              expect(!can_open(other.path() / "file", O_WRONLY), "write other");
              expect(!can_open(other.path() / "new", O_WRONLY | O_CREAT), "make in other");
              expect(::unlink((other.path() / "file").c_str()) != 0, "unlink in other");
              expect(!can_open("/root", O_RDONLY | O_DIRECTORY), "list /root");
              return wrong;
            }),
            "");
}

TEST_F(FileAccessTest, WritesFilesWhereItMayMakeNone) {
  EXPECT_EQ(in_child([&] {
              FileAccess access;
              access.rewritable = {other.path()};
              if (!confine_files(access)) return std::string("failed");
              std::string wrong;
              const auto expect = [&](bool right, const char* what) {
                if (!right) wrong += std::string(what) + "; ";
              };
              expect(can_open(other.path() / "file", O_RDWR | O_TRUNC), "write");
              expect(!can_open(other.path() / "new", O_WRONLY | O_CREAT), "make");
              expect(::unlink((other.path() / "file").c_str()) != 0, "remove");
              expect(::rename((other.path() / "file").c_str(), (other.path() / "n").c_str()) != 0,
                     "rename");
              expect(!can_open(mine.path() / "new", O_WRONLY | O_CREAT), "make elsewhere");
              return wrong;
            }),
            "");
}

TEST_F(FileAccessTest, ExecutesOnlyWhatItMayNotWrite) {
  const auto run = [](const fs::path& program) {
    const pid_t child = ::fork();
    if (child == 0) {
      const char* const argv[] = {program.c_str(), nullptr};
      ::execv(program.c_str(), const_cast<char* const*>(argv));
      ::_exit(errno == EACCES ? 13 : 14);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  fs::copy_file("/bin/true", mine.path() / "true");
  EXPECT_EQ(in_child([&] {
              if (!confine_files({{mine.path()}, {}, {"/usr", "/lib", "/lib64"}}))
                return std::string("failed");
              return std::to_string(run("/bin/true")) + " " +
                     std::to_string(run(mine.path() / "true"));
            }),
            "0 13");
}

// As on systems whose /usr is an image: /home leads to /var/home.
TEST_F(FileAccessTest, HomesStayClosedWhereverTheyAre) {
  if (::geteuid() != 0) GTEST_SKIP() << "chroot takes root";
  for (const auto* folder : {"var/home/ann", "var/lib", "var/root", "usr"})
    fs::create_directories(mine.path() / folder);
  for (const auto* file : {"var/home/ann/mail", "var/root/mail", "var/lib/file", "usr/file"})
    std::ofstream(mine.path() / file) << "x";
  fs::create_symlink("var/home", mine.path() / "home");
  fs::create_symlink("/var/root", mine.path() / "root");
  EXPECT_EQ(in_child([&] {
              if (::chroot(mine.path().c_str()) != 0 || ::chdir("/") != 0)
                return std::string("no chroot");
              if (!confine_files({})) return std::string("failed");
              std::string out;
              for (const auto* file : {"/var/home/ann/mail", "/home/ann/mail", "/root/mail",
                                       "/var/root/mail", "/var/lib/file", "/usr/file"})
                if (can_open(file, O_RDONLY)) out += std::string(file) + " ";
              return out;
            }),
            "/var/lib/file /usr/file ");
}

// A mount whose server has died answers every question with an error.
TEST_F(FileAccessTest, ADeadMountStopsNothing) {
  const auto dead = mine.path() / "dead";
  fs::create_directory(dead);
  const auto said = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return std::string("no mounts");
    UniqueFd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    const auto options =
        "fd=" + std::to_string(server.get()) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount("none", dead.c_str(), "fuse", 0, options.c_str()) != 0)
      return std::string("no mounts");
    server.reset();
    struct stat status{};
    if (::stat(dead.c_str(), &status) == 0) return std::string("it lives");
    const auto done = confine_files({{mine.path()}, {dead}, {}});
    if (!done) return done.error().message();
    return std::string(can_open(mine.path() / "new", O_WRONLY | O_CREAT) ? "writes"
                                                                         : "can't write");
  });
  if (said == "no mounts") GTEST_SKIP() << "mounting takes root, and FUSE in the kernel";
  EXPECT_EQ(said, "writes");
}

TEST_F(FileAccessTest, WhatCannotBeOpenedIsSkippedAndNamed) {
  fs::create_symlink("loop", mine.path() / "loop");
  EXPECT_EQ(in_child([&] {
              const auto done = confine_files({{mine.path()}, {mine.path() / "loop"}, {}});
              if (!done) return done.error().message();
              std::string out;
              for (const auto& [path, error] : done->skipped)
                out += path.filename().string() + " " + std::strerror(error);
              return out;
            }),
            "loop Too many levels of symbolic links");
}

TEST(SyscallFilter, RefusesWhatNetworkProgramsNeverDo) {
  EXPECT_EQ(in_child([] {
              const long page = ::sysconf(_SC_PAGESIZE);
              void* memory =
                  ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (auto done = filter_system_calls({}); !done) return done.error().message();
              std::string out;
              out += refused("ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), ENOSYS);
              out += refused("unshare", ::unshare(CLONE_NEWUSER), ENOSYS);
              out += refused("bpf", ::syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0), ENOSYS);
              out += refused("keyctl", ::syscall(SYS_keyctl, 0, 0, 0, 0, 0), ENOSYS);
              out += refused("io_uring", ::syscall(SYS_io_uring_setup, 1, nullptr), ENOSYS);
              out += refused("userfaultfd", ::syscall(SYS_userfaultfd, 0), ENOSYS);
              out += refused("mount", ::syscall(SYS_mount, "a", "b", "c", 0, nullptr), ENOSYS);
              out += refused("setuid", ::syscall(SYS_setuid, 0), ENOSYS);
              out += refused("clone", ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0),
                             ENOSYS);
              const char* const argv[] = {"/bin/true", nullptr};
              out += refused("execve", ::execv(argv[0], const_cast<char* const*>(argv)), ENOSYS);
              out += refused("memfd", ::memfd_create("x", 0), ENOSYS);
              out += refused("vsock", ::socket(AF_VSOCK, SOCK_STREAM, 0), ENOSYS);
              out += refused("packet", ::socket(AF_PACKET, SOCK_DGRAM, 0), ENOSYS);
              out += refused("mprotect", ::mprotect(memory, page, PROT_READ | PROT_EXEC), ENOSYS);
              void* both =
                  ::mmap(nullptr, page, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              out += refused("mmap", both == MAP_FAILED ? -1 : 0, ENOSYS);
              // Whatever stands in the half of the number that the kernel doesn't look at.
              for (const unsigned long high : {0ul, 1ul << 32})
                out += refused("TIOCSTI", ::syscall(SYS_ioctl, 0, high | TIOCSTI, "x"), EPERM);
              return out;
            }),
            "");
}

TEST(SyscallFilter, LeavesWhatTheyDo) {
  EXPECT_EQ(in_child([] {
              if (!filter_system_calls({.executes = true, .packet_sockets = true, .bpf = false}))
                return std::string("failed");
              std::string out;
              std::thread([&] { out = "thread "; }).join();
              for (const int family : {AF_UNIX, AF_INET, AF_INET6})
                if (::socket(family, SOCK_DGRAM, 0) < 0) return std::string("no socket");
              if (::socket(AF_NETLINK, SOCK_RAW, 0) < 0) return std::string("no netlink");
              const pid_t child = ::fork();
              if (child == 0) {
                const char* const argv[] = {"/bin/true", nullptr};
                ::execv(argv[0], const_cast<char* const*>(argv));
                ::_exit(1);
              }
              int status = -1;
              ::waitpid(child, &status, 0);
              return out + std::to_string(status) + " " + status_line("Seccomp");
            }),
            "thread 0 2");
}

TEST(SyscallFilter, HoldsForThreadsThatRunAlready) {
  EXPECT_EQ(in_child([] {
              int ends[2];
              if (::pipe(ends) != 0) return std::string("no pipe");
              std::string out;
              std::thread early([&] {
                char byte;
                (void)!::read(ends[0], &byte, 1);
                out = refused("unshare", ::unshare(CLONE_NEWNET), ENOSYS);
              });
              const bool done = filter_system_calls({}).has_value();
              (void)!::write(ends[1], "x", 1);
              early.join();
              return done ? out : "failed";
            }),
            "");
}

TEST(SyscallFilter, LeavesMapsWhenProgramsAreLoaded) {
  EXPECT_EQ(in_child([] {
              if (!filter_system_calls({.bpf = true}) || !forbid_bpf_programs())
                return std::string("failed");
              std::string out;
              bpf_attr attributes{};
              for (const auto command :
                   {BPF_MAP_CREATE, BPF_PROG_LOAD, BPF_LINK_CREATE, BPF_PROG_TEST_RUN, BPF_OBJ_PIN})
                out += refused("command " + std::to_string(command),
                               ::syscall(SYS_bpf, command, &attributes, sizeof attributes), EPERM);
              attributes.map_fd = 1u << 30;
              // The kernel is asked, and knows no such map (or none that we may use).
              const long found =
                  ::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof attributes);
              if (::geteuid() == 0) out += refused("lookup", found, EBADF);
              return out;
            }),
            "");
}

TEST(Sandbox, KeepsTheWayIntoAFolderOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has it";
  TemporaryDirectory above;
  const auto folder = above.path() / "state";
  fs::create_directory(folder);
  const auto capabilities = [&] {
    return in_child([&] {
      std::FILE* null = std::fopen("/dev/null", "w");
      Log log(null);
      if (!enter_sandbox({{CAP_NET_RAW}, {{folder}, {}, {}}, {}}, log))
        return std::string("failed");
      return status_line("CapEff").substr(10);
    });
  };
  EXPECT_EQ(capabilities(), "002000");
  ASSERT_EQ(::chown(above.path().c_str(), 65534, 65534), 0);  // 0700
  EXPECT_EQ(capabilities(), "002002");
}

TEST(Sandbox, NamesAFileOfAnotherUserThatItWillNeed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has it";
  TemporaryDirectory folder;
  const auto key = folder.path() / "server.key";
  std::ofstream(key) << "x";
  const auto entering = [&](bool written) {
    return in_child([&] {
      std::FILE* null = std::fopen("/dev/null", "w");
      Log log(null);
      const auto entered = enter_sandbox(
          {{}, {{folder.path()}, {}, {}}, {}, {{folder.path() / "absent"}, {key, written}}}, log);
      return entered ? std::string() : entered.error().message();
    });
  };
  EXPECT_EQ(entering(true), "");
  ASSERT_EQ(::chown(key.c_str(), 65534, 65534), 0);
  fs::permissions(key, fs::perms(0644));
  EXPECT_EQ(entering(false), "");
  EXPECT_THAT(entering(true), AllOf(HasSubstr(key.string() + " (of user 65534) can't be written"),
                                    HasSubstr("chown it to root")));
  fs::permissions(key, fs::perms(0600));
  EXPECT_THAT(entering(false), HasSubstr("can't be read"));
}

}  // namespace
}  // namespace lanrage::io
