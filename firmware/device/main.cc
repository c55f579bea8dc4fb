// vnpu-device: the device process of one session. Started by the driver, never by hand.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/compat/compat.h"
#include "firmware/device/compat_loader.h"
#include "firmware/device/control.h"
#include "firmware/device/device.h"
#include "vdev/core.h"

#ifdef __SANITIZE_THREAD__
// Reports come from threads in the sandbox, which cannot start a program that names symbols; and
// one must not go unnoticed.
extern "C" const char* __tsan_default_options() { return "symbolize=0:halt_on_error=1"; }
#endif

namespace vnpu::firmware {
namespace {

constexpr size_t kMaxFds = 8;

std::vector<Fd> TakeFds(msghdr* message) {
  std::vector<Fd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

// Serves one message; false when the driver is gone.
bool ServeOne(Device* device) {
  ControlRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof(request));
  iovec data{&request, sizeof(request)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(kControlFd, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) {
    return errno == EINTR;
  }
  if (got == 0) {
    return false;
  }
  std::vector<Fd> fds = TakeFds(&message);
  ControlReply reply{};
  reply.result = -EINVAL;
  if (got == sizeof(request) && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
    reply = device->Handle(&request, std::move(fds));
    reply.number = request.number;
  }
  return send(kControlFd, &reply, sizeof(reply), MSG_NOSIGNAL) == sizeof(reply);
}

// Readable when the process has used up the CPU for a while. Unlike a timer it need not be set when
// work begins, for which the client would wait, and never goes off without work. To be called
// before there are other threads, which inherit that the signal is blocked.
Fd WorkTimer() {
  constexpr suseconds_t kPeriodUs = 5000;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Fd timer(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  const timeval period{.tv_sec = 0, .tv_usec = kPeriodUs};
  const itimerval times{.it_interval = period, .it_value = period};
  setitimer(ITIMER_PROF, &times, nullptr);
  return timer;
}

// Takes what makes it readable.
void Drain(int fd) {
  std::array<std::byte, sizeof(signalfd_siginfo)> what;
  [[maybe_unused]] const ssize_t got = read(fd, what.data(), what.size());
}

int Serve(const vnpu_compat* compat) {
  const Fd help(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Fd work_timer = WorkTimer();
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  for (const int fd : {kControlFd, help.get(), work_timer.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      std::fprintf(stderr, "vnpu-device: this program is started by vnpud, not by hand\n");
      return 2;
    }
  }
  Device device(help.get(), compat);
  for (;;) {
    epoll_event event{};
    if (epoll_wait(epoll.get(), &event, 1, -1) != 1) {
      continue;
    }
    if (event.data.fd != kControlFd) {
      Drain(event.data.fd);
      device.Help();
    } else if (!ServeOne(&device)) {
      device.Orphaned();
      // Workers may be anywhere in device code: no destructor can wait for them.
      _exit(0);
    }
  }
}

// The compat part that the driver gives along, or else the built-in one.
const vnpu_compat* TakeCompat(bool given) {
  if (!given) {
    return vnpu_compat_table();
  }
  std::string why;
  const vnpu_compat* const table = LoadCompat(kCompatFd, &why);
  if (table == nullptr) {
    std::fprintf(stderr, "vnpu-device: the firmware plug-in: %s\n", why.c_str());
    _exit(1);
  }
  close(kCompatFd);
  return table;
}

}  // namespace
}  // namespace vnpu::firmware

int main(int argc, char** argv) {
  const std::string_view argument = argc > 1 ? argv[1] : "";
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (argument == "--self-test") {
    // Past everything that runs at exit: the sandbox forbids what checkers do there.
    _exit(vnpu::firmware::RunSelfTest());
  }
  // Before the process stops being dumpable, which closes /proc/self/fd to it.
  const vnpu_compat* const compat = vnpu::firmware::TakeCompat(argument == "--compat");
  // Nobody of the same user may look into this process by ptrace or /proc.
  prctl(PR_SET_DUMPABLE, 0);
  vnpu::vdev::Core::InstallHandlers();
  return vnpu::firmware::Serve(compat);
}
