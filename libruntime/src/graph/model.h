// Models: the objects behind aclmdlRI. A model is a graph of tasks, captured from streams or built
// of persistent ones (manual 15), or the body of a conditional task.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_MODEL_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_MODEL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/biased_lock.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/graph/graph_stream.h"
#include "libruntime/src/graph/program.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

struct Event;
struct GraphTask;

enum class ModelState : uint8_t {
  kEmpty,      // the body of a conditional task that was not captured yet
  kCapturing,  // a stream is captured into it
  kBuilding,   // aclmdlRIBuildBegin
  kWhole,      // the body of a conditional task, captured
  kReady,      // can be executed
  kUnbound,    // built, and a stream was taken out
};

// A word of device memory that conditional tasks look at: behind aclmdlRICondHandle.
struct alignas(64) Condition : SlabObject {
  Model* model = nullptr;
  uint64_t address = 0;
  uint32_t initial = 0;
  bool assign = false;  // the word becomes `initial` when the model starts
};

// What a conditional task chooses from.
struct CondTask {
  Condition* condition = nullptr;
  aclmdlRICondTaskType type = ACL_MODEL_RI_COND_TYPE_IF;
  std::vector<Model*> bodies;
};

// Tasks that can be replaced together: behind aclrtTaskGrp.
struct alignas(64) TaskGroup : SlabObject {
  Model* model = nullptr;
  GraphStream* stream = nullptr;
  std::vector<GraphNode*> nodes;
  std::atomic<bool> updating{false};
  // Pinned memory that updates brought; the last `data_kept` blocks are of the newest one.
  std::vector<std::byte*> data;
  size_t data_kept = 0;
};

struct DestroyCallback {
  aclrtCallback function = nullptr;
  void* argument = nullptr;
};

// How the streams of a capture are treated.
struct Capture {
  aclmdlRICaptureMode mode = ACL_MODEL_RI_CAPTURE_MODE_GLOBAL;
  uint64_t thread = 0;  // that began it
  // Why it is no good any more; ACL_SUCCESS: it is.
  std::atomic<aclError> refused{ACL_SUCCESS};
};

struct alignas(64) Model : SlabObject {
  // What launching touches: program.h.
  Program program;

  std::atomic<ModelState> state{ModelState::kEmpty};
  // Tells captures of the process apart; events that were captured name it.
  std::atomic<uint64_t> capture_number{0};
  std::atomic<GraphStream*> open_group_stream{nullptr};  // its tasks come into open_group
  std::atomic<uint32_t> nested{0};                       // tasks of other models that run this one
  Capture capture;

  std::mutex mutex;  // guards what follows
  uint32_t id = 0;
  std::string name;
  Context* context = nullptr;
  uint32_t context_generation = 0;
  std::shared_ptr<Session> session;
  uint64_t session_serial = 0;
  bool built = false;       // not captured
  bool jumps = false;       // streams do not all run once, from their beginnings to their ends
  Model* parent = nullptr;  // of a body
  std::vector<GraphStream*> streams;  // the first: where the capture began
  std::vector<std::unique_ptr<CondTask>> cond_tasks;
  std::vector<Condition*> conditions;
  std::vector<TaskGroup*> groups;
  TaskGroup* open_group = nullptr;
  std::vector<GraphNode*> changed;  // by aclmdlRITaskSetParams and aclmdlRITaskDisable
  std::vector<DestroyCallback> callbacks;
  std::vector<ExternalUse> event_uses;  // events that may not end before the model
  std::vector<GraphTask*> tasks;        // handles that were given out

  bool capturing() const { return state.load(std::memory_order_acquire) == ModelState::kCapturing; }
};

inline constexpr size_t kMaxModels = 65536;
inline constexpr size_t kMaxConditions = 65536;
inline constexpr size_t kMaxTaskGroups = 1u << 20;
extern Slab<Model, kMaxModels> models;
extern Slab<Condition, kMaxConditions> conditions;
extern Slab<TaskGroup, kMaxTaskGroups> task_groups;

// A model of the calling thread's context; `parent` for the body of a conditional task.
aclError NewModel(ModelState state, Model* parent, Model** model);

// The model of a handle; it must be of the calling thread's context.
aclError ResolveModel(void* handle, Model** model);

// Destroys a model with its bodies: fails while it is captured, built or executed.
aclError DestroyModel(Model* model);

// Frees a model that the application does not know, or whose context ends: captures are given up,
// and callbacks not called, since the locks are held that they could need.
void DropModel(Model* model);

// All models of a session, or of a context.
void DropModelsOf(const Session& session);
void DropModelsOf(const Context& context);

// Calls the visitor with all live models, under a lock.
void ForEachModel(const std::function<void(Model*)>& visit);

// The model that is executed, of which this is a part.
Model* RootOf(Model* model);

// What is at a place of a model on the device, for messages; empty: nothing known.
std::string DescribePlace(const Session& session, uint32_t device_model, uint32_t stream,
                          uint32_t position);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_MODEL_H_
