#include "libruntime/src/device/peer_access.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

struct Peers {
  // [device][peer]; written with the mutex held.
  std::array<std::array<std::atomic<bool>, VNPU_MAX_DEVICES>, VNPU_MAX_DEVICES> enabled{};
  std::mutex mutex;
  std::array<std::shared_ptr<Session>, VNPU_MAX_DEVICES> open;
};

Peers& GetPeers() {
  static auto* const peers = new Peers;
  return *peers;
}

// With the mutex held: `device` gets what it may have of `peer`, if both are open.
aclError Connect(Peers& peers, uint32_t device, uint32_t peer) {
  const bool both = peers.open[device] != nullptr && peers.open[peer] != nullptr;
  return both ? peers.open[peer]->peer_exports().Grant(peers.open[device]) : ACL_SUCCESS;
}

// An object of `peer` for the object of `owner`; 0 or -errno.
int Import(Session& owner, Session& peer, uint32_t pmem_id, uint64_t size, uint32_t* imported) {
  vnpu_ioc_export share{};
  share.pmem_id = pmem_id;
  share.size = size;
  if (const int result = owner.Call(VNPU_IOC_EXPORT, share); result < 0) {
    return result;
  }
  vnpu_ioc_import import{};
  std::ranges::copy(share.key, import.key);
  const int result = peer.Call(VNPU_IOC_IMPORT, import);
  vnpu_ioc_unexport end{.share_id = share.share_id, .flags = 0};
  owner.Call(VNPU_IOC_UNEXPORT, end);
  *imported = import.pmem_id;
  return result;
}

}  // namespace

aclError PeerExports::MapFor(Session& peer, uint64_t address, const Range& range,
                             uint32_t* imported) {
  int result = Import(owner_, peer, range.pmem_id, range.size, imported);
  if (result < 0) {
    return FailErrno(-result, "the driver does not share device memory");
  }
  vnpu_ioc_pmem_free give_back{.pmem_id = *imported, .reserved = 0};
  vnpu_ioc_reserve reserve{};
  reserve.va = address;
  reserve.size = range.size;
  reserve.align = VNPU_PAGE_SIZE;
  result = peer.Call(VNPU_IOC_RESERVE, reserve);
  if (result < 0) {
    peer.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "the peer has no addresses for the memory");
  }
  vnpu_ioc_map map{};
  map.va = address;
  map.size = range.size;
  map.pmem_id = *imported;
  map.prot = range.prot;
  result = peer.Call(VNPU_IOC_MAP, map);
  if (result < 0) {
    vnpu_ioc_release release{.va = address, .reserved = 0};
    peer.Call(VNPU_IOC_RELEASE, release);
    peer.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "the peer cannot map the memory");
  }
  return ACL_SUCCESS;
}

// A peer whose device process is gone has nothing mapped any more, whatever it answers.
void PeerExports::UnmapFor(Session& peer, uint64_t address, uint64_t size,
                           uint32_t imported) const {
  vnpu_ioc_unmap unmap{.va = address, .size = size};
  vnpu_ioc_release release{.va = address, .reserved = 0};
  vnpu_ioc_pmem_free give_back{.pmem_id = imported, .reserved = 0};
  peer.Call(VNPU_IOC_UNMAP, unmap);
  peer.Call(VNPU_IOC_RELEASE, release);
  peer.Call(VNPU_IOC_PMEM_FREE, give_back);
}

void PeerExports::UnmapAll(const Peer& peer) const {
  const std::shared_ptr<Session> session = peer.session.lock();
  for (const auto& [address, imported] : peer.imported) {
    if (session != nullptr) {
      UnmapFor(*session, address, ranges_.at(address).size, imported);
    }
  }
}

void PeerExports::Add(uint64_t address, uint64_t size, uint32_t pmem_id, uint32_t prot) {
  const std::lock_guard lock(mutex_);
  const Range range{.size = size, .pmem_id = pmem_id, .prot = prot};
  ranges_[address] = range;
  for (auto& [serial, peer] : peers_) {
    const std::shared_ptr<Session> session = peer.session.lock();
    uint32_t imported = 0;
    if (session == nullptr) {
      continue;
    }
    if (MapFor(*session, address, range, &imported) == ACL_SUCCESS) {
      peer.imported[address] = imported;
    } else {
      Log().warn("device {} cannot reach the memory of device {} at {:#x}", session->index(),
                 owner_.index(), address);
    }
  }
}

void PeerExports::Remove(uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto range = ranges_.find(address);
  if (range == ranges_.end()) {
    return;
  }
  for (auto& [serial, peer] : peers_) {
    const std::shared_ptr<Session> session = peer.session.lock();
    const auto imported = peer.imported.find(address);
    if (imported == peer.imported.end()) {
      continue;
    }
    if (session != nullptr) {
      UnmapFor(*session, address, range->second.size, imported->second);
    }
    peer.imported.erase(imported);
  }
  ranges_.erase(range);
}

aclError PeerExports::Grant(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  if (peers_.contains(session->serial())) {
    return ACL_SUCCESS;
  }
  vnpu_ioc_window_add window{.base = owner_.window().base(), .flags = 0};
  // EEXIST: it had access before.
  if (const int result = session->Call(VNPU_IOC_WINDOW_ADD, window);
      result < 0 && result != -EEXIST) {
    return FailErrno(-result, fmt::format("device {} cannot have the addresses of device {}",
                                          session->index(), owner_.index()));
  }
  Peer peer{.session = session, .imported = {}};
  for (const auto& [address, range] : ranges_) {
    uint32_t imported = 0;
    const aclError error = MapFor(*session, address, range, &imported);
    if (error != ACL_SUCCESS) {
      UnmapAll(peer);
      return error;
    }
    peer.imported[address] = imported;
  }
  peers_.emplace(session->serial(), std::move(peer));
  return ACL_SUCCESS;
}

void PeerExports::Revoke(const Session& session) {
  const std::lock_guard lock(mutex_);
  if (const auto peer = peers_.find(session.serial()); peer != peers_.end()) {
    UnmapAll(peer->second);
    peers_.erase(peer);
  }
}

aclError EnablePeerAccess(uint32_t device, uint32_t peer) {
  Peers& peers = GetPeers();
  const std::lock_guard lock(peers.mutex);
  VNPU_RETURN_IF_ERROR(Connect(peers, device, peer));
  peers.enabled[device][peer].store(true);
  return ACL_SUCCESS;
}

void DisablePeerAccess(uint32_t device, uint32_t peer) {
  Peers& peers = GetPeers();
  const std::lock_guard lock(peers.mutex);
  peers.enabled[device][peer].store(false);
  if (peers.open[device] != nullptr && peers.open[peer] != nullptr) {
    peers.open[peer]->peer_exports().Revoke(*peers.open[device]);
  }
}

bool PeerAccessEnabled(uint32_t device, uint32_t peer) {
  return GetPeers().enabled[device][peer].load(std::memory_order_relaxed);
}

bool Reaches(const Session& session, const Session& owner) {
  return &session == &owner || PeerAccessEnabled(session.index(), owner.index());
}

void JoinPeers(const std::shared_ptr<Session>& session) {
  Peers& peers = GetPeers();
  const std::lock_guard lock(peers.mutex);
  const uint32_t index = session->index();
  peers.open[index] = session;
  const auto connect = [&](uint32_t device, uint32_t peer) {
    if (peers.enabled[device][peer].load() && Connect(peers, device, peer) != ACL_SUCCESS) {
      Log().warn("device {} cannot reach the memory of device {}, though that was enabled", device,
                 peer);
      peers.enabled[device][peer].store(false);
    }
  };
  for (uint32_t other = 0; other < VNPU_MAX_DEVICES; ++other) {
    if (other != index) {
      connect(index, other);
      connect(other, index);
    }
  }
}

void LeavePeers(const Session& session) {
  Peers& peers = GetPeers();
  const std::lock_guard lock(peers.mutex);
  const uint32_t index = session.index();
  for (uint32_t other = 0; other < VNPU_MAX_DEVICES; ++other) {
    if (other != index && peers.open[other] != nullptr) {
      session.peer_exports().Revoke(*peers.open[other]);
      peers.open[other]->peer_exports().Revoke(session);
    }
    // Others keep the right to reach this device when it is open again.
    peers.enabled[index][other].store(false);
  }
  peers.open[index].reset();
}

}  // namespace vnpu::runtime
