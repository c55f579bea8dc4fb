// Peer access: devices of this process that reach each other's memory (manual 04).
//
// Memory has one address, that of its own device; a peer maps it there too. So a pointer means the
// same on every device that may use it.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_PEER_ACCESS_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_PEER_ACCESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;

// What peers see of one session's memory: everything that is added is mapped for each of them. Any
// thread.
class PeerExports {
 public:
  explicit PeerExports(Session& owner) : owner_(owner) {}

  // `size` bytes mapped at `address`: the whole of an object that this session allocated. `prot`:
  // VNPU_PROT_*.
  void Add(uint64_t address, uint64_t size, uint32_t pmem_id, uint32_t prot);
  // To be called before they are unmapped.
  void Remove(uint64_t address);

  aclError Grant(const std::shared_ptr<Session>& peer);
  void Revoke(const Session& peer);

 private:
  struct Range {
    uint64_t size = 0;
    uint32_t pmem_id = 0;
    uint32_t prot = 0;
  };
  struct Peer {
    std::weak_ptr<Session> session;
    std::map<uint64_t, uint32_t> imported;  // objects of the peer, by address
  };

  aclError MapFor(Session& peer, uint64_t address, const Range& range, uint32_t* imported);
  void UnmapFor(Session& peer, uint64_t address, uint64_t size, uint32_t imported) const;
  void UnmapAll(const Peer& peer) const;

  Session& owner_;
  std::mutex mutex_;
  std::map<uint64_t, Range> ranges_;
  std::map<uint64_t, Peer> peers_;  // by serial number
};

// Lets `device` reach the memory of `peer`, from now or, where one of the two is not open, from
// when both are. It ends with DisablePeerAccess and with the reset of `device`.
aclError EnablePeerAccess(uint32_t device, uint32_t peer);
void DisablePeerAccess(uint32_t device, uint32_t peer);
bool PeerAccessEnabled(uint32_t device, uint32_t peer);

// Whether tasks of one session may use the device memory of another.
bool Reaches(const Session& session, const Session& owner);

// For the devices: a session is open; it is about to be closed.
void JoinPeers(const std::shared_ptr<Session>& session);
void LeavePeers(const Session& session);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_PEER_ACCESS_H_
