// What is particular to the nodes: blocking, signals, poll, mappings, inherited files, other users.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "firmware/device/control.h"
#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;

// A session through plain system calls, on a blocking descriptor.
struct Client {
  UniqueFd fd;
  UniqueFd mem_fd;
  UniqueFd kick_fd;
  Mapping map;
  uint32_t queue = 0;
  int result = 0;

  vnpu_session_mem* mem() const { return map.at<vnpu_session_mem>(); }

  explicit Client(const std::string& node) : fd(open(node.c_str(), O_RDWR | O_CLOEXEC)) {
    mem_fd = MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_SHRINK);
    kick_fd.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    map.Map(mem_fd.get(), VNPU_SESSION_MEM_BYTES, PROT_READ | PROT_WRITE);
    vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
    vnpu_ioc_session session{};
    session.window_base = uint64_t{0x1000} << 30;
    session.mem_fd = mem_fd.get();
    session.kick_fd = kick_fd.get();
    result = Call(VNPU_IOC_VERSION, &version);
    result = result == 0 ? Call(VNPU_IOC_SESSION, &session) : result;
  }
  int Call(unsigned long command, void* arg) const {
    return ioctl(fd.get(), command, arg) == 0 ? 0 : -errno;
  }
  void MakeQueue(uint32_t entries) {
    const uint64_t bytes = vnpu_queue_bytes(entries, 0);
    const UniqueFd memory = MakeMemfd(bytes, F_SEAL_SHRINK);
    vnpu_ioc_qmem_add add{bytes, memory.get(), 0};
    result = Call(VNPU_IOC_QMEM_ADD, &add);
    vnpu_ioc_queue_create create{add.qmem_id, VNPU_QUEUE_DRIVER_SUBMIT, 0, entries, 0, 0, 0};
    result = result == 0 ? Call(VNPU_IOC_QUEUE_CREATE, &create) : result;
    queue = create.queue_id;
  }
  ssize_t Write(size_t count) const {
    vnpu_sqe sqe{};
    sqe.flags = VNPU_SQE_CQE;
    sqe.queue_id = queue;
    const std::vector<vnpu_sqe> sqes(count, sqe);
    const ssize_t put = write(fd.get(), sqes.data(), count * sizeof(vnpu_sqe));
    return put < 0 ? -errno : put;
  }
  ssize_t Read() const {
    vnpu_cqe cqe{};
    const ssize_t got = read(fd.get(), &cqe, sizeof(cqe));
    return got < 0 ? -errno : got;
  }
  void Unhold() const {
    __atomic_store_n(&mem()->events[VNPU_MAX_EVENTS - 1].seq, 1, __ATOMIC_SEQ_CST);
  }
};

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!CanMount()) {
      GTEST_SKIP() << "may not mount FUSE here";
    }
  }
  void Start(const std::string& fault = "", const std::vector<std::string>& options = {}) {
    driver_ = StartDriver(Transport::kFuse, options, fault);
    node_ = driver_->mount_point() + "/davinci0";
  }
  bool NothingLeft() {
    return Eventually([&] { return AllZero(CountersOf(driver_.get())); });
  }
  // True when thread `tid` of this process sleeps in a system call.
  static bool Sleeps(pid_t tid) {
    std::ifstream stat("/proc/self/task/" + std::to_string(tid) + "/stat");
    std::string text;
    std::getline(stat, text);
    const size_t at = text.rfind(')');
    return at != std::string::npos && (text[at + 2] == 'S' || text[at + 2] == 'D');
  }

  std::unique_ptr<TestDriver> driver_;
  std::string node_;
};

TEST_F(NodeTest, NodesLookAsConfigured) {
  Start("", {"--devices", "2", "--owner", "12", "--group", "34", "--mode", "0640"});
  for (const char* name : {"/davinci_manager", "/davinci0", "/davinci1"}) {
    struct stat status {};
    ASSERT_EQ(stat((driver_->mount_point() + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0640));
    EXPECT_EQ(status.st_uid, 12u);
    EXPECT_EQ(status.st_gid, 34u);
  }
  EXPECT_EQ(chmod(node_.c_str(), 0777), -1);
  EXPECT_EQ(access((driver_->mount_point() + "/davinci2").c_str(), F_OK), -1);
}

TEST_F(NodeTest, TheFolderListsItsNodes) {
  Start("", {"--devices", "3"});
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(driver_->mount_point())) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"davinci_manager", "davinci0", "davinci1", "davinci2"}));
  const std::string other = driver_->mount_point() + "/other";
  EXPECT_EQ(open(other.c_str(), O_CREAT | O_RDWR, 0600), -1);
  EXPECT_EQ(unlink(node_.c_str()), -1);
}

TEST_F(NodeTest, TruncatingMeansNothing) {
  Start();
  const UniqueFd fd(open(node_.c_str(), O_RDWR | O_TRUNC));
  ASSERT_TRUE(fd.valid());
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
  EXPECT_EQ(ioctl(fd.get(), VNPU_IOC_VERSION, &version), 0);
}

TEST_F(NodeTest, InfoPageCanBeMapped) {
  Start("", {"--soc", "Ascend310P3", "--hbm-size", "1G"});
  const UniqueFd fd(open(node_.c_str(), O_RDWR));
  const auto* info = static_cast<const vnpu_device_info*>(
      mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), VNPU_INFO_OFFSET));
  ASSERT_NE(info, MAP_FAILED);
  EXPECT_STREQ(info->soc_name, "Ascend310P3");
  EXPECT_EQ(info->hbm_total, uint64_t{1} << 30);
  EXPECT_EQ(info->units[VNPU_UNIT_AI_CORE], 8u);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), VNPU_INFO_OFFSET), MAP_FAILED);
  munmap(const_cast<vnpu_device_info*>(info), 4096);
}

TEST_F(NodeTest, AnInfoPageShowsItsOwnTime) {
  Start();
  const auto free_bytes = [&] {
    const UniqueFd fd(open(node_.c_str(), O_RDWR));
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), VNPU_INFO_OFFSET);
    const uint64_t bytes = static_cast<vnpu_device_info*>(page)->hbm_free;
    munmap(page, 4096);
    return bytes;
  };
  const uint64_t before = free_bytes();
  Client client(node_);
  ASSERT_EQ(client.result, 0);
  vnpu_ioc_pmem_alloc alloc{8192, 0, 0, 0, 0};
  ASSERT_EQ(client.Call(VNPU_IOC_PMEM_ALLOC, &alloc), 0);
  EXPECT_EQ(free_bytes(), before - 8192);
}

TEST_F(NodeTest, BlockedReadEndsWithTheCompletion) {
  Start("hold");
  Client client(node_);
  client.MakeQueue(4);
  ASSERT_EQ(client.result, 0);
  std::atomic<pid_t> reader{0};
  std::atomic<ssize_t> got{0};
  std::thread thread([&] {
    reader = gettid();
    got = client.Read();
  });
  ASSERT_TRUE(Eventually([&] { return reader != 0 && Sleeps(reader); }));
  // The same file takes writes while a read of it waits.
  EXPECT_EQ(client.Write(1), 64);
  client.Unhold();
  thread.join();
  EXPECT_EQ(got, 32);
}

TEST_F(NodeTest, BlockedWriteEndsWithProgress) {
  Start("hold");
  Client client(node_);
  client.MakeQueue(2);
  ASSERT_EQ(client.Write(2), 128);
  std::atomic<pid_t> writer{0};
  std::atomic<ssize_t> put{0};
  std::thread thread([&] {
    writer = gettid();
    put = client.Write(1);
  });
  ASSERT_TRUE(Eventually([&] { return writer != 0 && Sleeps(writer); }));
  client.Unhold();
  EXPECT_EQ(client.Read(), 32);
  EXPECT_EQ(client.Read(), 32);
  thread.join();
  EXPECT_EQ(put, 64);
}

TEST_F(NodeTest, ABlockedWriteDoesNotKeepOthersFromWriting) {
  Start("hold");
  const pid_t hog = Fork([&] {
    Client client(node_);
    client.MakeQueue(2);
    client.Write(2);
    std::thread thread([&] { client.Write(1); });
    // An exclusive lock of the inode, wanted behind the blocked write.
    fcntl(client.fd.get(), F_SETFL, O_APPEND);
    client.Write(1);
    pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return CountersOf(driver_.get()).queues == 1; }));
  Client client(node_);
  client.MakeQueue(4);
  EXPECT_EQ(client.Write(1), 64);
  EXPECT_EQ(client.Write(1), 64);
  kill(hog, SIGKILL);
  EXPECT_EQ(Join(hog), 1000 + SIGKILL);
}

TEST_F(NodeTest, SignalsInterrupt) {
  Start("hold");
  Client client(node_);
  client.MakeQueue(2);
  ASSERT_EQ(client.Write(2), 128);
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART
  sigaction(SIGUSR1, &action, nullptr);
  for (const bool reads : {true, false}) {
    std::atomic<pid_t> tid{0};
    std::atomic<ssize_t> result{0};
    std::thread thread([&] {
      tid = gettid();
      result = reads ? client.Read() : client.Write(1);
    });
    ASSERT_TRUE(Eventually([&] { return tid != 0 && Sleeps(tid); }));
    pthread_kill(thread.native_handle(), SIGUSR1);
    thread.join();
    EXPECT_EQ(result, -EINTR);
  }
}

TEST_F(NodeTest, PollWakesUp) {
  Start("hold");
  Client client(node_);
  client.MakeQueue(2);
  ASSERT_EQ(client.Write(2), 128);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.Unhold();
  });
  pollfd state{client.fd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&state, 1, 5000), 1);
  EXPECT_EQ(state.revents, POLLIN);
  later.join();
  state.events = POLLOUT;
  EXPECT_EQ(poll(&state, 1, 0), 0);  // two completions are not yet taken
  EXPECT_EQ(client.Read(), 32);
  EXPECT_EQ(poll(&state, 1, 5000), 1);
}

TEST_F(NodeTest, PollSeesTheLoss) {
  Start();
  Client client(node_);
  client.MakeQueue(2);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(static_cast<pid_t>(client.mem()->device_pid), SIGKILL);
  });
  pollfd state{client.fd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&state, 1, 5000), 1);
  EXPECT_NE(state.revents & POLLHUP, 0);
  later.join();
}

TEST_F(NodeTest, AnInheritedFileIsNotForSettingUp) {
  Start();
  Client client(node_);
  client.MakeQueue(2);
  ASSERT_EQ(client.result, 0);
  const UniqueFd fresh(open(node_.c_str(), O_RDWR));
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
  ASSERT_EQ(ioctl(fresh.get(), VNPU_IOC_VERSION, &version), 0);
  const pid_t child = Fork([&] {
    vnpu_ioc_session session{};
    session.window_base = uint64_t{0x1000} << 30;
    session.mem_fd = client.mem_fd.get();
    session.kick_fd = client.kick_fd.get();
    if (ioctl(fresh.get(), VNPU_IOC_SESSION, &session) != -1 || errno != EACCES) {
      return 1;
    }
    vnpu_ioc_qmem_add add{4096, client.mem_fd.get(), 0};
    if (client.Call(VNPU_IOC_QMEM_ADD, &add) != -EACCES) {
      return 2;
    }
    // What carries no descriptors is allowed.
    vnpu_ioc_reserve reserve{0, 4096, 0, 0};
    return client.Call(VNPU_IOC_RESERVE, &reserve) == 0 ? 0 : 3;
  });
  EXPECT_EQ(Join(child), 0);
}

TEST_F(NodeTest, NothingIsLeftOfAKilledClient) {
  Start();
  for (int i = 0; i < 5; ++i) {
    const pid_t child = Fork([&] {
      Client client(node_);
      client.MakeQueue(64);
      vnpu_ioc_pmem_alloc alloc{64u << 20, 0, 0, 0, 0};
      client.Call(VNPU_IOC_PMEM_ALLOC, &alloc);
      kill(getpid(), SIGKILL);
      return 0;
    });
    EXPECT_EQ(Join(child), 1000 + SIGKILL);
    const auto since = std::chrono::steady_clock::now();
    EXPECT_TRUE(NothingLeft());
    EXPECT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(1));
  }
}

TEST_F(NodeTest, NothingIsLeftOfAClientThatDiesInACommand) {
  Start(std::to_string(static_cast<int>(ControlOp::kQmemAdd)) + ":silent");
  const pid_t child = Fork([&] {
    Client client(node_);
    client.MakeQueue(64);  // waits for the silent device
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return CountersOf(driver_.get()).qmems == 1; }));
  kill(child, SIGKILL);
  const auto since = std::chrono::steady_clock::now();
  EXPECT_TRUE(NothingLeft());
  EXPECT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(1));
  EXPECT_EQ(Join(child), 1000 + SIGKILL);
}

TEST_F(NodeTest, TheSessionEndsWithItsClientThoughAChildHoldsTheFile) {
  Start();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = Fork([&]() -> int {
    close(ends[0]);
    Client client(node_);
    if (fork() == 0) {
      char byte = 0;
      fcntl(client.fd.get(), F_SETFD, 0);
      // Until the driver has ended the session, and then -EIO for ever.
      while (client.Read() != -EIO) {
      }
      _exit(write(ends[1], &byte, 1) == 1 ? 0 : 1);
    }
    _exit(client.result);
  });
  EXPECT_EQ(Join(child), 0);
  EXPECT_TRUE(NothingLeft());
  close(ends[1]);
  char byte = 1;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
  close(ends[0]);
}

TEST_F(NodeTest, ASlowSessionDoesNotSlowTheOthersDown) {
  Start(std::to_string(static_cast<int>(ControlOp::kQmemAdd)) + ":silent",
        {"--control-timeout-ms", "3000"});
  const pid_t slow = Fork([&] {
    Client client(node_);
    client.MakeQueue(64);
    return client.result == -EIO ? 0 : 1;
  });
  ASSERT_TRUE(Eventually([&] { return CountersOf(driver_.get()).qmems == 1; }));
  Client client(node_);
  for (int i = 0; i < 100; ++i) {
    vnpu_ioc_reserve reserve{0, 4096, 0, 0};
    ASSERT_EQ(client.Call(VNPU_IOC_RESERVE, &reserve), 0);
  }
  EXPECT_EQ(waitpid(slow, nullptr, WNOHANG), 0) << "nothing was slow any more";
  EXPECT_EQ(Join(slow), 0);
}

// What /proc says about a process, by field.
std::map<std::string, std::string> StatusOf(pid_t pid) {
  std::map<std::string, std::string> fields;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    const size_t colon = line.find(':');
    const size_t value = line.find_first_not_of("\t ", colon + 1);
    fields[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  return fields;
}

TEST_F(NodeTest, TheDeviceProcessIsTheClientsAndHasNothing) {
  Start();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = Fork([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);
    if (setresgid(4321, 4321, 4321) != 0 || setresuid(1234, 1234, 1234) != 0) {
      return 1;
    }
    const Client client(node_);
    const uint32_t pid = client.result == 0 ? client.mem()->device_pid : 0;
    if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid)) {
      return 2;
    }
    pause();
    return 0;
  });
  uint32_t device = 0;
  ASSERT_EQ(read(ends[0], &device, sizeof(device)), 4);
  ASSERT_NE(device, 0u);
  auto status = StatusOf(static_cast<pid_t>(device));
  EXPECT_EQ(status["Uid"], "1234\t1234\t1234\t1234");
  EXPECT_EQ(status["Gid"], "4321\t4321\t4321\t4321");
  EXPECT_EQ(status["Groups"].find_first_of("0123456789"), std::string::npos);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(status[set], "0000000000000000") << set;
  }
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Cpus_allowed_list"], "0");
  std::ifstream limits("/proc/" + std::to_string(device) + "/limits");
  const std::string all((std::istreambuf_iterator<char>(limits)), {});
  EXPECT_NE(all.find("Max core file size        0                    0"), std::string::npos) << all;
  kill(child, SIGKILL);
  EXPECT_EQ(Join(child), 1000 + SIGKILL);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(NodeTest, AdministrationIsForRoot) {
  Start();
  const pid_t child = Fork([&] {
    if (setresuid(1234, 1234, 1234) != 0) {
      return 1;
    }
    const UniqueFd manager(open((driver_->mount_point() + "/davinci_manager").c_str(), O_RDWR));
    vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
    vnpu_ioc_reset reset{0, 0};
    vnpu_ioc_fault fault{0, VNPU_FAULT_NONE, 0, 0};
    vnpu_ioc_counters counters{};
    if (ioctl(manager.get(), VNPU_IOC_VERSION, &version) != 0) {
      return 2;
    }
    if (ioctl(manager.get(), VNPU_IOC_RESET, &reset) != -1 || errno != EPERM) {
      return 3;
    }
    if (ioctl(manager.get(), VNPU_IOC_FAULT, &fault) != -1 || errno != EPERM) {
      return 4;
    }
    vnpu_ioc_firmware_upgrade upgrade{};
    if (ioctl(manager.get(), VNPU_IOC_FIRMWARE_UPGRADE, &upgrade) != -1 || errno != EPERM) {
      return 6;
    }
    return ioctl(manager.get(), VNPU_IOC_COUNTERS, &counters) == 0 ? 0 : 5;
  });
  EXPECT_EQ(Join(child), 0);
}

TEST_F(NodeTest, TooManyOpenFilesOfOneProcess) {
  Start();
  std::vector<UniqueFd> files;
  int error = 0;
  while (files.size() < 1000 && error == 0) {
    files.emplace_back(open(node_.c_str(), O_RDWR | O_CLOEXEC));
    error = files.back().valid() ? 0 : errno;
  }
  EXPECT_EQ(error, EMFILE);
  files.clear();
  EXPECT_TRUE(Eventually([&] { return UniqueFd(open(node_.c_str(), O_RDWR)).valid(); }));
}

}  // namespace
}  // namespace vnpu::driver
