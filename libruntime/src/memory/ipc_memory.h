// Device memory that processes share by key (manual 11-07).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_IPC_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_IPC_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "acl/acl_base.h"
#include "libruntime/src/memory/share_key.h"

namespace vnpu::runtime {

class Session;

// The keys of this process. What belongs to a session that was closed is gone. Any thread.
class IpcMemory {
 public:
  static IpcMemory& Get();

  // `any_process`: who knows the key may import; else those named by Allow.
  aclError Export(uint64_t address, uint64_t size, bool any_process, ShareKey* key);
  aclError Allow(const ShareKey& key, const int32_t* pids, size_t count);
  // Fails unless this process exported under the key.
  aclError CheckExported(const ShareKey& key);
  // Maps the memory for the session. `enable`: give it access to the memory's device.
  aclError Import(const std::shared_ptr<Session>& session, const ShareKey& key, bool enable,
                  uint64_t* address);
  // Ends an import, or else an export.
  aclError Close(const ShareKey& key);

 private:
  struct Entry {
    std::weak_ptr<Session> session;
    uint64_t address = 0;
    uint64_t size = 0;
    uint32_t id = 0;  // of the share, or of the imported object
  };
  using Entries = std::map<ShareKey, Entry>;

  static std::shared_ptr<Session> Find(Entries* entries, const ShareKey& key, Entry* entry);

  std::mutex mutex_;
  Entries exports_;
  Entries imports_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_IPC_MEMORY_H_
