#include "driver/mem/hbm.h"

#include <numa.h>
#include <numaif.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "driver/base/mapping.h"
#include "driver/base/memfd.h"

namespace vnpu::driver {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr int kHugeOrder = 9;
// An object in more pieces than this costs more bookkeeping than it is worth.
constexpr size_t kMaxBlocks = 65536;

// The node to bind to, or -1 with the reason in the log.
int UsableNode(int node) {
  if (node < 0) {
    return -1;
  }
  if (numa_available() < 0) {
    spdlog::warn("no NUMA support in this kernel: HBM is not bound to node {}", node);
    return -1;
  }
  if (node > numa_max_node() ||
      numa_bitmask_isbitset(numa_all_nodes_ptr, static_cast<unsigned>(node)) == 0) {
    spdlog::warn("there is no NUMA node {}: HBM is not bound", node);
    return -1;
  }
  return node;
}

}  // namespace

HbmBlocks& HbmBlocks::operator=(HbmBlocks&& other) noexcept {
  if (this != &other) {
    if (hbm_ != nullptr) {
      hbm_->Free(blocks_);
    }
    hbm_ = std::exchange(other.hbm_, nullptr);
    blocks_ = std::move(other.blocks_);
  }
  return *this;
}

HbmBlocks::~HbmBlocks() {
  if (hbm_ != nullptr) {
    hbm_->Free(blocks_);
  }
}

Hbm::Hbm(uint64_t bytes, int numa_node)
    : total_bytes_(bytes / kPageBytes * kPageBytes),
      numa_node_(UsableNode(numa_node)),
      buddy_(bytes / kPageBytes) {}

int Hbm::Allocate(uint64_t bytes, bool huge, HbmBlocks* blocks, UniqueFd* backing) {
  UniqueFd file;
  if (const int error = CreateMemfd("vnpu-hbm", bytes, &file); error != 0) {
    return error;
  }
  {
    const std::lock_guard lock(mutex_);
    std::optional<std::vector<Block>> taken =
        buddy_.AllocateBlocks(bytes / kPageBytes, huge ? kHugeOrder : 0, kMaxBlocks);
    if (!taken) {
      return -ENOMEM;
    }
    *blocks = HbmBlocks(this, std::move(*taken));
  }
  Bind(file.get(), bytes);
  *backing = std::move(file);
  return 0;
}

// The policy set through a shared mapping stays with the file and holds for every process.
void Hbm::Bind(int fd, uint64_t bytes) {
  if (numa_node_ < 0 || numa_num_configured_nodes() < 2) {
    return;
  }
  Mapping mapping;
  int error = mapping.Map(fd, bytes, PROT_READ | PROT_WRITE);
  if (error == 0) {
    bitmask* nodes = numa_allocate_nodemask();
    numa_bitmask_setbit(nodes, static_cast<unsigned>(numa_node_));
    if (mbind(mapping.at<>(), bytes, MPOL_BIND, nodes->maskp, nodes->size + 1, 0) != 0) {
      error = -errno;
    }
    numa_free_nodemask(nodes);
  }
  const std::lock_guard lock(mutex_);
  if (error != 0 && !std::exchange(bind_failed_, true)) {
    spdlog::warn("cannot bind HBM to NUMA node {} ({}): using any node", numa_node_,
                 std::strerror(-error));
  }
}

void Hbm::Free(const std::vector<Block>& blocks) {
  const std::lock_guard lock(mutex_);
  for (const Block& block : blocks) {
    buddy_.Free(block);
  }
}

uint64_t Hbm::free_bytes() const {
  const std::lock_guard lock(mutex_);
  return buddy_.free_pages() * kPageBytes;
}

}  // namespace vnpu::driver
