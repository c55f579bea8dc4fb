#include "driver/core/driver.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "driver/base/time.h"
#include "driver/core/file.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

constexpr std::string_view kManagerName = "davinci_manager";
constexpr std::string_view kDevicePrefix = "davinci";

// Descriptors of the process that are not handed to sessions.
constexpr uint64_t kOwnFds = 256;
// An open file needs up to this many descriptors outside of its session's account.
constexpr uint64_t kFdsOfFile = 6;

uint64_t DescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > 2 * kOwnFds ? limit.rlim_cur - kOwnFds : limit.rlim_cur / 2;
}

uint64_t MappingLimit() {
  uint64_t limit = 65530;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  return limit * 3 / 4;
}

}  // namespace

std::string Node::Name() const {
  return is_manager() ? std::string(kManagerName) : fmt::format("{}{}", kDevicePrefix, device);
}

bool Node::Find(const std::string& name, uint32_t devices, Node* node) {
  if (name == kManagerName) {
    node->device = kManager;
    return true;
  }
  if (!name.starts_with(kDevicePrefix)) {
    return false;
  }
  uint32_t index = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kDevicePrefix.size(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end || index >= devices) {
    return false;
  }
  node->device = static_cast<int>(index);
  return node->Name() == name;
}

// Half of the descriptors are for open files, half for what sessions hold.
Driver::Driver(Config config)
    : config_(std::move(config)),
      started_ns_(NowNs(CLOCK_REALTIME)),
      fd_budget_(DescriptorLimit() / 2, kSmallFdShare),
      map_budget_(MappingLimit(), kSmallMapShare),
      max_files_(DescriptorLimit() / 2 / kFdsOfFile) {}

Driver::~Driver() { Remove(); }

int Driver::Probe() {
  const uint64_t hbm = config_.devices * config_.hbm_bytes;
  const uint64_t ram =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (hbm > ram) {
    spdlog::info(
        "device memory ({} MiB) is more than this machine has ({} MiB): it takes pages when they "
        "are used; --hbm-size sets a limit",
        hbm >> 20, ram >> 20);
  }
  for (uint32_t i = 0; i < config_.devices; ++i) {
    auto device = std::make_unique<Device>(i, config_);
    if (const int error = device->Probe(); error != 0) {
      spdlog::error("device {}: {}", i, std::strerror(-error));
      return error;
    }
    device->firmware().Ship(config_.firmware);
    devices_.push_back(std::move(device));
  }
  return 0;
}

void Driver::Remove() {
  std::vector<std::shared_ptr<File>> files;
  {
    const std::lock_guard lock(files_mutex_);
    removed_ = true;
    for (const auto& [key, file] : files_) {
      files.push_back(file);
    }
  }
  for (const std::shared_ptr<File>& file : files) {
    file->Close();
  }
  files.clear();
  std::unique_lock lock(workers_mutex_);
  worker_done_.wait(lock, [this] { return done_workers_.size() == workers_.size(); });
  ReapWorkers();
}

int Driver::Open(Node node, Client client, std::shared_ptr<File>* file) {
  const std::lock_guard lock(files_mutex_);
  if (removed_ ||
      (!node.is_manager() && FindDevice(static_cast<uint32_t>(node.device)) == nullptr)) {
    return -ENODEV;
  }
  if (files_.size() >= max_files_) {
    return -ENFILE;
  }
  size_t& of_client = files_of_client_[client.pid];
  if (of_client >= kMaxFilesOfClient) {
    return -EMFILE;
  }
  ++of_client;
  *file = std::make_shared<File>(this, node, std::move(client));
  files_.emplace(file->get(), *file);
  return 0;
}

void Driver::Forget(const File* file) {
  std::shared_ptr<File> last;  // destroyed without the lock
  const std::lock_guard lock(files_mutex_);
  const auto it = files_.find(file);
  if (it == files_.end()) {
    return;
  }
  last = std::move(it->second);
  files_.erase(it);
  const auto client = files_of_client_.find(last->client().pid);
  if (--client->second == 0) {
    files_of_client_.erase(client);
  }
}

Device* Driver::FindDevice(uint32_t index) {
  return index < devices_.size() ? devices_[index].get() : nullptr;
}

vnpu_ioc_manager Driver::ManagerInfo() const {
  vnpu_ioc_manager info{};
  info.devices = device_count();
  info.driver_pid = static_cast<uint32_t>(getpid());
  info.started_ns = started_ns_;
  std::strncpy(info.driver_version, VNPU_DRIVER_VERSION, sizeof(info.driver_version) - 1);
  return info;
}

bool Driver::StartWorker(std::function<void()> body) {
  const std::lock_guard lock(workers_mutex_);
  ReapWorkers();
  const uint64_t id = next_worker_++;
  try {
    std::thread thread([this, id, run = std::move(body)]() mutable {
      run();
      run = nullptr;  // whatever it holds goes before Remove may return
      WorkerDone(id);
    });
    workers_.emplace(id, std::move(thread));
  } catch (const std::system_error& error) {
    spdlog::error("no thread for a session: {}", error.what());
    return false;
  }
  return true;
}

void Driver::ReapWorkers() {
  for (const uint64_t id : done_workers_) {
    const auto it = workers_.find(id);
    it->second.join();
    workers_.erase(it);
  }
  done_workers_.clear();
}

void Driver::WorkerDone(uint64_t id) {
  const std::lock_guard lock(workers_mutex_);
  done_workers_.push_back(id);
  worker_done_.notify_all();
}

}  // namespace vnpu::driver
