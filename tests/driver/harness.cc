#include "tests/driver/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vnpu/transport.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "tests/support/eventually.h"

namespace vnpu::driver {
namespace {

constexpr uint64_t kWindow = uint64_t{0x1000} << 30;

ssize_t Answer(ssize_t result) { return result < 0 ? -errno : result; }

// Starts vnpud with the fake device process; the pid.
pid_t StartVnpud(std::vector<std::string> options, const std::string& fault) {
  // By hand, the tests without faults can run with the real device process.
  const char* device = std::getenv("VNPU_TEST_DEVICE_PROGRAM");
  options.insert(options.begin(), {VNPU_TEST_VNPUD, "--device-program",
                                   device != nullptr ? device : VNPU_TEST_FAKE_DEVICE});
  std::vector<char*> argv;
  for (std::string& option : options) {
    argv.push_back(option.data());
  }
  argv.push_back(nullptr);
  std::vector<std::string> settings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    settings.emplace_back(*entry);
  }
  settings.push_back("VNPU_FAKE_DEVICE=" + fault);
  std::vector<char*> environment;
  for (std::string& setting : settings) {
    environment.push_back(setting.data());
  }
  environment.push_back(nullptr);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, VNPU_TEST_VNPUD, nullptr, nullptr, argv.data(), environment.data()),
            0);
  return pid;
}

// Waits for the end; kills after ten seconds. The exit status as waitpid has it.
int AwaitExit(pid_t pid) {
  int status = 0;
  if (!Eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; })) {
    ADD_FAILURE() << "process " << pid << " does not end";
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  return status;
}

// Embedded ----------------------------------------------------------------------------------

class EmbeddedFile : public TestFile {
 public:
  explicit EmbeddedFile(UniqueFd socket) : socket_(std::move(socket)) {}

  int Ioctl(unsigned long command, void* arg) override {
    int offsets[2];
    vnpu_ioctl_fds(command, offsets);
    std::vector<int> fds;
    for (const int offset : offsets) {
      if (offset >= 0) {
        fds.push_back(*reinterpret_cast<int*>(static_cast<std::byte*>(arg) + offset));
      }
    }
    const bool uring =
        command == VNPU_IOC_IRQ_ADD && static_cast<vnpu_ioc_irq_add*>(arg)->kind == VNPU_IRQ_URING;
    if (uring) {
      fds.clear();
    }
    const size_t in = (_IOC_DIR(command) & _IOC_WRITE) != 0 ? _IOC_SIZE(command) : 0;
    const vnpu_msg header{VNPU_MSG_IOCTL, static_cast<uint32_t>(command), 0,
                          static_cast<uint32_t>(in)};
    return static_cast<int>(Exchange(header, arg, in, fds, arg, _IOC_SIZE(command)));
  }
  ssize_t Write(const void* data, size_t size) override {
    const vnpu_msg header{VNPU_MSG_WRITE, 0, 0, static_cast<uint32_t>(size)};
    return Exchange(header, data, size, {}, nullptr, 0);
  }
  ssize_t Read(void* data, size_t size) override {
    const vnpu_msg header{VNPU_MSG_READ, 0, 0, static_cast<uint32_t>(size)};
    return Exchange(header, nullptr, 0, {}, data, size);
  }
  int Poll() override {
    return static_cast<int>(Exchange({VNPU_MSG_POLL, 0, 0, 0}, nullptr, 0, {}, nullptr, 0));
  }

 private:
  ssize_t Exchange(vnpu_msg header, const void* payload, size_t size, const std::vector<int>& fds,
                   void* out, size_t room) {
    std::array<iovec, 2> body = {iovec{&header, sizeof(header)},
                                 iovec{const_cast<void*>(payload), size}};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = body.data();
    message.msg_iovlen = 2;
    if (!fds.empty()) {
      message.msg_control = ancillary.data();
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
      return -errno;
    }
    std::vector<std::byte> reply(sizeof(vnpu_msg) + VNPU_MSG_MAX_PAYLOAD + 65536);
    const ssize_t got = recv(socket_.get(), reply.data(), reply.size(), 0);
    if (got < static_cast<ssize_t>(sizeof(vnpu_msg))) {
      return got < 0 ? -errno : -ENODEV;
    }
    std::memcpy(&header, reply.data(), sizeof(header));
    EXPECT_EQ(header.length, static_cast<size_t>(got) - sizeof(header));
    if (out != nullptr) {
      std::memcpy(out, reply.data() + sizeof(header), std::min<size_t>(header.length, room));
    }
    return header.result;
  }

  UniqueFd socket_;
};

class EmbeddedDriver : public TestDriver {
 public:
  EmbeddedDriver(const std::vector<std::string>& options, const std::string& fault) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    socket_.reset(ends[0]);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    std::vector<std::string> all = {"--embedded", std::to_string(ends[1])};
    all.insert(all.end(), options.begin(), options.end());
    pid_ = StartVnpud(all, fault);
    close(ends[1]);
  }
  ~EmbeddedDriver() override {
    socket_.reset();
    const int status = AwaitExit(pid_);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  }

  std::unique_ptr<TestFile> Open(const std::string& node) override {
    vnpu_msg header{VNPU_MSG_OPEN, 0, 0, static_cast<uint32_t>(node.size())};
    std::array<iovec, 2> body = {iovec{&header, sizeof(header)},
                                 iovec{const_cast<char*>(node.data()), node.size()}};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = body.data();
    message.msg_iovlen = 2;
    if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
      return nullptr;
    }
    message.msg_iovlen = 1;
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    if (recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC) <= 0 || header.result != 0) {
      errno = -header.result;
      return nullptr;
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return std::make_unique<EmbeddedFile>(UniqueFd(fd));
  }
  pid_t pid() const override { return pid_; }

 private:
  UniqueFd socket_;
  pid_t pid_ = -1;
};

// FUSE --------------------------------------------------------------------------------------

class NodeFile : public TestFile {
 public:
  explicit NodeFile(UniqueFd fd) : fd_(std::move(fd)) {}
  int Ioctl(unsigned long command, void* arg) override {
    return static_cast<int>(Answer(ioctl(fd_.get(), command, arg)));
  }
  ssize_t Write(const void* data, size_t size) override {
    return Answer(write(fd_.get(), data, size));
  }
  ssize_t Read(void* data, size_t size) override { return Answer(read(fd_.get(), data, size)); }
  int Poll() override {
    pollfd state{fd_.get(), POLLIN | POLLOUT, 0};
    poll(&state, 1, 0);
    return state.revents;
  }

 private:
  UniqueFd fd_;
};

class FuseDriver : public TestDriver {
 public:
  FuseDriver(const std::vector<std::string>& options, const std::string& fault) {
    std::string path = testing::TempDir() + "vnpuXXXXXX";
    mount_point_ = mkdtemp(path.data());
    std::vector<std::string> all = {"--foreground", "--mount-point", mount_point_};
    all.insert(all.end(), options.begin(), options.end());
    pid_ = StartVnpud(all, fault);
    const std::string manager = mount_point_ + "/davinci_manager";
    EXPECT_TRUE(Eventually([&] { return access(manager.c_str(), F_OK) == 0; }));
  }
  ~FuseDriver() override {
    kill(pid_, SIGTERM);
    const int code = Join(pid_);
    EXPECT_TRUE(code == 0 || code == 1000 + SIGKILL) << "exit code " << code;
    EXPECT_EQ(access((mount_point_ + "/davinci_manager").c_str(), F_OK), -1);
    umount2(mount_point_.c_str(), MNT_DETACH);
    EXPECT_EQ(rmdir(mount_point_.c_str()), 0);
  }
  std::unique_ptr<TestFile> Open(const std::string& node) override {
    UniqueFd fd(open((mount_point_ + "/" + node).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    return fd.valid() ? std::make_unique<NodeFile>(std::move(fd)) : nullptr;
  }
  pid_t pid() const override { return pid_; }
  std::string mount_point() const override { return mount_point_; }

 private:
  std::string mount_point_;
  pid_t pid_ = -1;
};

}  // namespace

int TestFile::Agree() {
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
  return Ioctl(VNPU_IOC_VERSION, &version);
}

bool CanMount() { return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0; }

std::unique_ptr<TestDriver> StartDriver(Transport transport,
                                        const std::vector<std::string>& options,
                                        const std::string& fault) {
  if (transport == Transport::kEmbedded) {
    return std::make_unique<EmbeddedDriver>(options, fault);
  }
  return std::make_unique<FuseDriver>(options, fault);
}

UniqueFd MakeMemfd(uint64_t bytes, unsigned seals) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
  EXPECT_EQ(fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

TestSession::TestSession(TestDriver* driver, const std::string& node)
    : file_(driver->Open(node)),
      mem_fd_(MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_SHRINK)),
      kick_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  EXPECT_EQ(map_.Map(mem_fd_.get(), VNPU_SESSION_MEM_BYTES, PROT_READ | PROT_WRITE), 0);
  if (file_ == nullptr) {
    ADD_FAILURE() << "cannot open " << node << ": " << std::strerror(errno);
    return;
  }
  EXPECT_EQ(file_->Agree(), 0);
  info_.window_base = kWindow;
  info_.mem_fd = mem_fd_.get();
  info_.kick_fd = kick_fd_.get();
  result_ = file_->Ioctl(VNPU_IOC_SESSION, &info_);
}

uint32_t TestSession::MakeQueue(uint32_t entries, uint32_t flags) {
  const uint64_t bytes = vnpu_queue_bytes(entries, 0);
  const UniqueFd memory = MakeMemfd(bytes, F_SEAL_SHRINK);
  vnpu_ioc_qmem_add qmem{bytes, memory.get(), 0};
  EXPECT_EQ(file_->Ioctl(VNPU_IOC_QMEM_ADD, &qmem), 0);
  vnpu_ioc_queue_create create{};
  create.qmem_id = qmem.qmem_id;
  create.flags = flags;
  create.sq_entries = entries;
  EXPECT_EQ(file_->Ioctl(VNPU_IOC_QUEUE_CREATE, &create), 0);
  return create.queue_id;
}

int TestSession::Allocate(uint64_t size, uint64_t* va, uint32_t* pmem) {
  vnpu_ioc_reserve reserve{0, size, 0, 0};
  if (const int error = file_->Ioctl(VNPU_IOC_RESERVE, &reserve); error != 0) {
    return error;
  }
  vnpu_ioc_pmem_alloc alloc{size, 0, 0, 0, 0};
  if (const int error = file_->Ioctl(VNPU_IOC_PMEM_ALLOC, &alloc); error != 0) {
    return error;
  }
  vnpu_ioc_map map{reserve.va, size, 0, alloc.pmem_id, VNPU_PROT_READ | VNPU_PROT_WRITE};
  *va = reserve.va;
  *pmem = alloc.pmem_id;
  return file_->Ioctl(VNPU_IOC_MAP, &map);
}

void TestSession::Unhold() {
  __atomic_store_n(&mem()->events[VNPU_MAX_EVENTS - 1].seq, 1, __ATOMIC_SEQ_CST);
}

vnpu_ioc_counters CountersOf(TestDriver* driver, uint32_t device) {
  const std::unique_ptr<TestFile> manager = driver->Open("davinci_manager");
  vnpu_ioc_counters counters{};
  counters.device = device;
  EXPECT_EQ(manager->Agree(), 0);
  EXPECT_EQ(manager->Ioctl(VNPU_IOC_COUNTERS, &counters), 0);
  return counters;
}

bool AllZero(const vnpu_ioc_counters& counters) {
  vnpu_ioc_counters zero{};
  zero.device = counters.device;
  return std::memcmp(&counters, &zero, sizeof(zero)) == 0;
}

pid_t Fork(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    _exit(body());
  }
  EXPECT_GT(pid, 0);
  return pid;
}

int Join(pid_t pid) {
  const int status = AwaitExit(pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool Eventually(const std::function<bool()>& holds) {
  return vnpu::test::Eventually(std::chrono::seconds(5), holds);
}

std::string TransportName(const testing::TestParamInfo<Transport>& info) {
  return info.param == Transport::kEmbedded ? "Embedded" : "Fuse";
}

}  // namespace vnpu::driver
