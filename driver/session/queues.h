// Queue memory and task queues of one session.
#ifndef VNPU_DRIVER_SESSION_QUEUES_H_
#define VNPU_DRIVER_SESSION_QUEUES_H_

#include <vnpu/ioctl.h>
#include <vnpu/queue.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "driver/base/id_table.h"
#include "driver/session/context.h"
#include "driver/session/submit_queue.h"

namespace vnpu::driver {

// A memory file of the client that queues lie in.
struct Qmem {
  uint64_t size = 0;
  HeldFd file;
  HeldMap map;                           // made for the first driver-submit queue
  std::map<uint64_t, uint64_t> extents;  // of the queues in it: offset -> bytes
  Charge charge;
};

struct Queue {
  uint32_t qmem_id = 0;
  uint32_t flags = 0;  // VNPU_QUEUE_*
  uint32_t sq_entries = 0;
  uint32_t priority = 0;
  uint64_t offset = 0;
  std::unique_ptr<SubmitQueue> submit;  // of driver-submit queues
  Charge charge;
};

// Handlers answer 0 or -errno, as uapi/vnpu/ioctl.h describes the command. Used by one thread at a
// time.
class SessionQueues {
 public:
  explicit SessionQueues(SessionContext* context)
      : context_(context), qmems_(0, VNPU_MAX_QMEMS), queues_(0, VNPU_MAX_QUEUES) {}

  int AddQmem(vnpu_ioc_qmem_add* arg, UniqueFd fd);
  int DeleteQmem(const vnpu_ioc_qmem_del& arg);
  int Create(vnpu_ioc_queue_create* arg);
  int Destroy(const vnpu_ioc_queue_destroy& arg);
  int Query(vnpu_ioc_queue_query* arg);
  int Set(const vnpu_ioc_queue_set& arg);
  int Abort(vnpu_ioc_queue_abort* arg);
  // -EAGAIN: full.
  int Submit(vnpu_ioc_submit* arg);

  // Appends SQEs to their queues, up to the first that does not fit. Returns how many, or -EINVAL
  // (and nothing appended) when one is not for a driver-submit queue.
  int Write(std::span<const vnpu_sqe> sqes);
  // Takes completions of all driver-submit queues in turn; returns how many.
  size_t Read(std::span<vnpu_cqe> out);
  bool Readable();
  bool Writable();
  void ArmDriverWait();

 private:
  int CheckLayout(const vnpu_ioc_queue_create& arg, const Qmem& qmem) const;
  int MakeSubmitQueue(Qmem* qmem, const vnpu_ioc_queue_create& arg, uint32_t queue_id,
                      std::unique_ptr<SubmitQueue>* submit);
  int ReadHeader(const Queue& queue, vnpu_queue_hdr* header);
  SubmitQueue* FindSubmit(uint32_t queue_id);

  SessionContext* context_;
  IdTable<Qmem> qmems_;
  IdTable<Queue> queues_;
  std::map<uint32_t, SubmitQueue*> submit_queues_;  // by queue id
  uint32_t next_read_ = 0;                          // queue id that the next Read begins with
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_QUEUES_H_
