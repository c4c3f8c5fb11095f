#include "io/syscall_filter.hpp"

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <linux/bpf.h>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "io/capabilities.hpp"

namespace lanrage::io {
namespace {

// What these can do is bounded by descriptors, file rights and capabilities. Absent on purpose:
// memfd_create (files that confine_files() doesn't hold for, executable ones too), ptrace,
// process_vm_*, bpf, perf_event_open, keyctl, userfaultfd, io_uring_*, modules, kexec, mounts,
// namespaces, clocks, swap, reboot, personality, mknod, chroot, and whoever may change ids.
constexpr const char* kCalls[] = {
    // Files and folders.
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "open", "openat", "openat2", "creat", "close", "close_range", "lseek", "_llseek",
    "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
    "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "getdents",
    "getdents64", "readlink", "readlinkat", "rename", "renameat", "renameat2", "unlink", "unlinkat",
    "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod",
    "fchmodat", "chown", "fchown", "fchownat", "lchown", "umask", "truncate", "truncate64",
    "ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync", "sync_file_range", "flock",
    "fcntl", "fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2", "getcwd", "chdir", "fchdir",
    "ioctl", "utimensat", "sendfile", "sendfile64", "copy_file_range", "fadvise64", "readahead",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // Memory.
    "brk", "munmap", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2", "munlock",
    "membarrier",
    // Threads and processes.
    "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill", "pidfd_open",
    "pidfd_send_signal", "getpid", "gettid", "getppid", "getpgid", "getpgrp", "setpgid", "getsid",
    "setsid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid",
    "getegid32", "getresuid", "getresgid", "getgroups", "capget", "prctl", "arch_prctl",
    "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_getparam",
    "sched_get_priority_max", "sched_get_priority_min", "getpriority", "setpriority", "prlimit64",
    "getrlimit", "ugetrlimit", "setrlimit", "getrusage", "times", "sysinfo", "uname", "getcpu",
    "restart_syscall", "seccomp",
    // Signals.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "sigaltstack", "sigreturn", "signalfd4",
    // Time and waiting.
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "clock_nanosleep_time64",
    "nanosleep", "gettimeofday", "time", "alarm", "setitimer", "getitimer", "timer_create",
    "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "timerfd_create",
    "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "poll", "ppoll", "ppoll_time64",
    "select", "_newselect", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "futex", "futex_time64", "futex_waitv",
    // Sockets; what kinds of them: below.
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername",
    "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
    "recvmmsg_time64", "shutdown", "setsockopt", "getsockopt", "getrandom"};

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint64_t kWriteAndExecute = PROT_WRITE | PROT_EXEC;

using Argument = scmp_arg_cmp;
Argument equals(unsigned number, std::uint64_t value) {
  return {.arg = number, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}
Argument masked(unsigned number, std::uint64_t mask, std::uint64_t value) {
  return {.arg = number, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

class Filter {
 public:
  explicit Filter(std::uint32_t otherwise) : context_(seccomp_init(otherwise)) {
    if (!context_) error_ = ENOMEM;
    // Threads started before hold to it as well; numbers of other machines end the process.
    set(SCMP_FLTATR_CTL_TSYNC, 1);
    set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  }

  void allow(const char* name, std::initializer_list<Argument> arguments = {}) {
    rule(SCMP_ACT_ALLOW, name, arguments);
  }
  void deny(const char* name, std::initializer_list<Argument> arguments) {
    rule(SCMP_ACT_ERRNO(EPERM), name, arguments);
  }

  Result<void> load() {
    if (error_ == 0) error_ = -seccomp_load(context_.get());
    if (error_ == 0) return {};
    return fail(SandboxErrc::system_calls,
                std::string("can't filter system calls: ") + std::strerror(error_));
  }

 private:
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };

  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (error_ == 0) error_ = -seccomp_attr_set(context_.get(), attribute, value);
  }
  void rule(std::uint32_t action, const char* name, std::initializer_list<Argument> arguments) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0) return;  // this kind of machine has no such call
    error_ = -seccomp_rule_add_array(context_.get(), action, number,
                                     static_cast<unsigned>(arguments.size()), arguments.begin());
  }

  std::unique_ptr<void, Release> context_;
  int error_ = 0;
};

void allow_sockets(Filter& filter, bool packet_sockets) {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    filter.allow("socket", {equals(0, static_cast<std::uint64_t>(family))});
  if (packet_sockets) filter.allow("socket", {equals(0, AF_PACKET)});
}

// No memory that is written and then executed.
void allow_memory(Filter& filter) {
  for (const char* name : {"mmap", "mmap2"})
    for (const std::uint64_t protection : {0, PROT_WRITE, PROT_EXEC})
      filter.allow(name, {masked(2, kWriteAndExecute, protection)});
  filter.allow("mprotect", {masked(2, PROT_EXEC, 0)});
}

}  // namespace

Result<void> filter_system_calls(const SyscallNeeds& needs) {
  Filter listed(SCMP_ACT_ERRNO(ENOSYS));
  for (const char* name : kCalls)
    listed.allow(name);
  allow_sockets(listed, needs.packet_sockets);
  allow_memory(listed);
  // clone3 hides its flags from filters; the C library then takes clone.
  listed.allow("clone", {masked(0, kNewNamespaces, 0)});
  if (needs.executes)
    for (const char* name : {"execve", "fork", "vfork"})
      listed.allow(name);
  if (needs.bpf) listed.allow("bpf");
  if (auto loaded = listed.load(); !loaded) return loaded;

  // A rule for some values can't stand beside one for all of them in one filter. The kernel looks
  // at the lower half alone.
  Filter without_typing(SCMP_ACT_ALLOW);
  for (const std::uint64_t request : {TIOCSTI, TIOCLINUX})
    without_typing.deny("ioctl", {masked(1, 0xffffffff, request)});
  return without_typing.load();
}

Result<void> forbid_bpf_programs() {
  Filter filter(SCMP_ACT_ALLOW);
  filter.deny("bpf", {equals(0, BPF_MAP_CREATE)});
  filter.deny("bpf", {{.arg = 0, .op = SCMP_CMP_GT, .datum_a = BPF_MAP_DELETE_ELEM, .datum_b = 0}});
  return filter.load();
}

}  // namespace lanrage::io
