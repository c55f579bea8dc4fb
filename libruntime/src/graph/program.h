// What of a model is on the device: its memory with several copies of the image.
//
// Parameters that change while no run is under way are written in place. Otherwise they go into a
// copy that no run uses, and later launches take that one, so runs under way keep what they have.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_PROGRAM_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_PROGRAM_H_

#include <vnpu/model.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/base/biased_lock.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/event/event_pool.h"

namespace vnpu::runtime {

class Session;
class SubmitQueue;
struct Event;
struct GraphCall;
struct GraphNode;
struct Program;

// An event that others than the graph see: its number of the run stands in the image's argument
// area, and comes with the launch.
struct ExternalUse {
  Event* event = nullptr;
  uint32_t generation = 0;  // of the event
  bool record = false;
};

// The image that the compiler makes.
struct Image {
  vnpu_model_image header{};
  std::vector<vnpu_model_graph> graphs;
  std::vector<vnpu_model_label> labels;
  std::vector<vnpu_model_stream> streams;
  std::vector<vnpu_sqe> entries;
  std::vector<std::byte> args;  // the numbers of external events first
  std::vector<ExternalUse> externals;
  uint32_t spare_args = 0;  // bytes at the end of args for arguments that grow
  std::vector<std::shared_ptr<GraphCall>> calls;  // also of models inside
  std::vector<Program*> inner;                    // models inside
};

struct Program {
  static constexpr uint32_t kMaxCopies = 3;

  // The last launches of a copy, one for each queue that has launched it.
  struct Copy {
    uint64_t offset = 0;
    std::vector<TaskPoint> launches;

    bool idle() const;
    void Note(SubmitQueue* queue, uint64_t task) {
      if (!launches.empty() && launches.front().queue == queue) [[likely]] {
        launches.front().task = task;
        return;
      }
      NoteAnother(queue, task);
    }
    void NoteAnother(SubmitQueue* queue, uint64_t task);
  };

  BiasedLock lock;  // guards which copy is current, and the notes of launches
  bool loaded = false;
  uint32_t model_id = 0;
  uint32_t current = 0;
  uint32_t copies = 0;
  std::array<Copy, kMaxCopies> copy;
  Copy updates;  // entries of aclrtTaskUpdateAsync, whatever copies they change
  std::shared_ptr<Session> session;
  uint64_t session_serial = 0;

  vnpu_model_image layout{};
  UniqueFd memory;
  Mapping mapping;
  uint32_t arg_spare = 0;  // next free byte of the argument area, for arguments that grow
  std::vector<ExternalUse> externals;
  std::atomic<bool> has_calls{false};
  std::atomic<bool> has_more{false};  // externals, or calls
  std::vector<std::shared_ptr<GraphCall>> calls;

  uint32_t depth = 1;           // of models in this one, itself counted
  std::vector<Program*> inner;  // models that tasks of this one run, once for each task
  std::vector<Program*> outer;  // those that run this one; guarded by the lock
};

// Makes the device's model and puts the image there.
aclError LoadProgram(std::shared_ptr<Session> session, const Image& image, Program* program);

// False: runs are under way that it was launched for. With its lock held.
bool IdleProgram(Program& program);

// The copies of the image that runs can meet.
std::vector<uint32_t> CopiesInUse(Program* program);

// Locks a program and all that run it as a part of theirs.
class LockedPrograms {
 public:
  explicit LockedPrograms(Program* program);
  LockedPrograms(const LockedPrograms&) = delete;
  LockedPrograms& operator=(const LockedPrograms&) = delete;
  ~LockedPrograms();

  // No run of any is under way.
  bool idle() const;
  // None of those around the program has one.
  bool outer_idle() const;

 private:
  std::vector<Program*> programs_;  // in the order in which they are locked
};

// Whether a run that was launched in the queue, or in any (null), is under way.
bool IsRunBy(Program* program, const SubmitQueue* queue);
// The error becomes that of all runs under way.
void FailRuns(Program* program, aclError code, const std::string& text);

// The memory is given back; there are no runs under way, or the session has ended.
void UnloadProgram(Program* program);

// Writes entries and arguments of nodes for launches to come. False: every copy is in use, or, for
// a program that others run (`nested`), this one.
bool UpdateProgram(Program* program, std::span<GraphNode* const> nodes, bool nested);

// Room for arguments; ~0: there is none.
uint32_t TakeSpareArgs(Program* program, uint32_t bytes);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_PROGRAM_H_
