#include "libruntime/src/graph/program.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/graph_stream.h"
#include "libruntime/src/queue/submit_queue.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kMostBytes = 1ull << 30;  // of a model's memory, says the driver

template <class T>
void Put(std::byte* place, const std::vector<T>& values) {
  if (!values.empty()) {
    std::memcpy(place, values.data(), values.size() * sizeof(T));
  }
}

// All but the count of runs, which is the device's.
void WriteImage(const Image& image, std::byte* base) {
  const vnpu_model_image& header = image.header;
  std::memcpy(base, &header, offsetof(vnpu_model_image, completed));
  Put(base + vnpu_model_graphs_offset(), image.graphs);
  Put(base + vnpu_model_labels_offset(&header), image.labels);
  Put(base + vnpu_model_streams_offset(&header), image.streams);
  Put(base + vnpu_model_entries_offset(&header), image.entries);
  Put(base + vnpu_model_args_offset(&header), image.args);
}

void WriteNode(const vnpu_model_image& layout, const GraphNode& node, std::byte* base) {
  std::byte* const place =
      base + vnpu_model_entries_offset(&layout) + uint64_t{node.entry} * sizeof(vnpu_sqe);
  if (node.has(kNodeDisabled)) {
    vnpu_sqe nothing{};
    nothing.opcode = VNPU_OP_NOP;
    nothing.queue_id = node.sqe.queue_id;
    nothing.seq = node.sqe.seq;
    std::memcpy(place, &nothing, sizeof(nothing));
    return;
  }
  if (node.args != nullptr && (node.sqe.flags & (VNPU_SQE_INLINE | VNPU_SQE_DEVICE_ARGS)) == 0) {
    std::memcpy(base + vnpu_model_args_offset(&layout) + node.sqe.kernel.arg_offset, node.args,
                node.sqe.kernel.arg_size);
  }
  std::memcpy(place, &node.sqe, sizeof(node.sqe));
}

aclError CreateModel(Program* program, uint64_t bytes) {
  vnpu_ioc_model_create request{};
  request.size = bytes;
  request.fd = program->memory.get();
  request.max_streams = std::max(program->layout.streams, 1u);
  request.max_graphs = program->layout.graphs;
  request.max_registers = program->layout.registers;
  const int result = program->session->Call(VNPU_IOC_MODEL_CREATE, request);
  if (result == -ENOSPC) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE,
                "the device has no room for another model; destroy those that are not needed");
  }
  if (result < 0) {
    return FailErrno(-result, "the driver does not take the model");
  }
  program->model_id = request.model_id;
  return ACL_SUCCESS;
}

// What the program is made of knows that it is.
void LinkParts(Program* program, bool linked) {
  for (Program* const inner : program->inner) {
    const std::lock_guard lock(inner->lock);
    const auto found = std::ranges::find(inner->outer, program);
    if (linked) {
      inner->outer.push_back(program);
    } else if (found != inner->outer.end()) {
      inner->outer.erase(found);
    }
  }
  if (!program->calls.empty()) {
    program->session->host_calls().LinkGraphCalls(program->calls, program, linked);
  }
}

}  // namespace

LockedPrograms::LockedPrograms(Program* program) {
  // What is around a program is deeper: so the order is the same for everybody.
  std::set<std::pair<uint32_t, Program*>> todo{{program->depth, program}};
  while (!todo.empty()) {
    Program* const next = todo.begin()->second;
    todo.erase(todo.begin());
    next->lock.lock();
    programs_.push_back(next);
    for (Program* const outer : next->outer) {
      todo.emplace(outer->depth, outer);
    }
  }
}

LockedPrograms::~LockedPrograms() {
  for (Program* const program : programs_) {
    program->lock.unlock();
  }
}

bool LockedPrograms::outer_idle() const {
  return std::all_of(programs_.begin() + 1, programs_.end(),
                     [](Program* program) { return IdleProgram(*program); });
}

bool LockedPrograms::idle() const { return IdleProgram(*programs_.front()) && outer_idle(); }

bool IsRunBy(Program* program, const SubmitQueue* queue) {
  const std::lock_guard lock(program->lock);
  const auto under_way = [&](const TaskPoint& launch) {
    return (queue == nullptr || launch.queue == queue) && !launch.done();
  };
  return std::any_of(
      program->copy.begin(), program->copy.begin() + program->copies,
      [&](const auto& copy) { return std::ranges::any_of(copy.launches, under_way); });
}

void FailRuns(Program* program, aclError code, const std::string& text) {
  const std::lock_guard lock(program->lock);
  for (uint32_t i = 0; i < program->copies; ++i) {
    for (const TaskPoint& launch : program->copy[i].launches) {
      if (!launch.done()) {
        launch.queue->AddFailure({.code = code, .task = launch.task, .text = text});
      }
    }
  }
}

bool Program::Copy::idle() const {
  return std::ranges::all_of(launches, [](const TaskPoint& launch) { return launch.done(); });
}

void Program::Copy::NoteAnother(SubmitQueue* queue, uint64_t task) {
  const auto found = std::ranges::find(launches, queue, &TaskPoint::queue);
  if (found != launches.end()) {
    found->task = task;
    std::swap(*found, launches.front());
  } else {
    std::erase_if(launches, [](const TaskPoint& launch) { return launch.done(); });
    launches.insert(launches.begin(), {.queue = queue, .task = task});
  }
}

aclError LoadProgram(std::shared_ptr<Session> session, const Image& image, Program* program) {
  if ((session->features() & VNPU_FEATURE_MODEL) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the driver does not know models; update it");
  }
  if (image.externals.size() * sizeof(uint64_t) > VNPU_MAX_UPDATE_BYTES) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "the model has {} external events, {} at most",
                image.externals.size(), VNPU_MAX_UPDATE_BYTES / sizeof(uint64_t));
  }
  uint32_t depth = 1;
  for (const Program* const inner : image.inner) {
    depth = std::max(depth, inner->depth + 1);
  }
  if (depth > VNPU_MAX_MODEL_DEPTH) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "models run inside of models, {} deep; {} at most",
                depth, VNPU_MAX_MODEL_DEPTH);
  }
  const uint64_t stride = RoundUp(vnpu_model_image_bytes(&image.header), VNPU_MODEL_ALIGN);
  if (stride > kMostBytes || image.header.entries > VNPU_MAX_MODEL_ENTRIES ||
      image.header.streams > VNPU_MAX_MODEL_STREAMS ||
      image.header.graphs > VNPU_MAX_MODEL_GRAPHS) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE,
                "the model is too large: {} tasks, {} streams, {} graphs, {} bytes",
                image.header.entries, image.header.streams, image.header.graphs, stride);
  }
  program->copies =
      static_cast<uint32_t>(std::min<uint64_t>(Program::kMaxCopies, kMostBytes / stride));
  const uint64_t bytes = RoundUp(program->copies * stride, VNPU_PAGE_SIZE);
  program->memory = MakeMemfd("vnpu-model", bytes);
  if (program->memory.valid()) {
    program->mapping = Mapping::Shared(program->memory.get(), bytes);
  }
  if (!program->mapping) {
    return FailErrno(errno, "no memory for the model");
  }
  program->session = std::move(session);
  program->session_serial = program->session->serial();
  program->layout = image.header;
  program->arg_spare = image.header.arg_bytes - image.spare_args;
  program->externals = image.externals;
  program->current = 0;
  program->updates.launches.clear();
  for (uint32_t i = 0; i < program->copies; ++i) {
    program->copy[i].offset = i * stride;
    program->copy[i].launches.clear();
    std::memcpy(program->mapping.data() + i * stride, &image.header,
                offsetof(vnpu_model_image, completed));
  }
  WriteImage(image, program->mapping.data());
  const aclError error = CreateModel(program, bytes);
  if (error != ACL_SUCCESS) {
    program->mapping = {};
    program->memory = {};
    program->session.reset();
    return error;
  }
  program->has_calls.store(!image.calls.empty(), std::memory_order_relaxed);
  program->has_more.store(!image.externals.empty() || !image.calls.empty(),
                          std::memory_order_relaxed);
  program->depth = depth;
  program->inner = image.inner;
  program->calls = image.calls;
  LinkParts(program, true);
  const std::lock_guard lock(program->lock);
  program->loaded = true;
  return ACL_SUCCESS;
}

bool IdleProgram(Program& program) {
  return std::all_of(program.copy.begin(), program.copy.begin() + program.copies,
                     [](const Program::Copy& copy) { return copy.idle(); });
}

std::vector<uint32_t> CopiesInUse(Program* program) {
  std::vector<uint32_t> copies;
  const std::lock_guard lock(program->lock);
  for (uint32_t i = 0; i < program->copies; ++i) {
    if (i == program->current || !program->copy[i].idle()) {
      copies.push_back(i);
    }
  }
  return copies;
}

void UnloadProgram(Program* program) {
  if (program->session == nullptr) {
    return;
  }
  LinkParts(program, false);
  program->inner.clear();
  program->calls.clear();
  vnpu_ioc_model_destroy request{.model_id = program->model_id, .flags = 0};
  int result = -EBUSY;
  // The entry of the last run is over; the device may have a few steps to go.
  for (int attempt = 0; attempt < 1000 && result == -EBUSY; ++attempt) {
    if (attempt > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    result =
        program->session->usable() ? program->session->Call(VNPU_IOC_MODEL_DESTROY, request) : 0;
  }
  if (result < 0 && program->session->usable()) {
    Log().warn("cannot destroy model {}: {}", program->model_id, std::strerror(-result));
  }
  program->mapping = {};
  program->memory = {};
  {
    const std::lock_guard lock(program->lock);
    program->externals.clear();
    program->outer.clear();
  }
  program->copies = 0;
  program->session.reset();
  program->lock.Disown();
}

bool UpdateProgram(Program* program, std::span<GraphNode* const> nodes, bool nested) {
  std::byte* const memory = program->mapping.data();
  const auto write = [&](const Program::Copy& copy) {
    for (const GraphNode* const node : nodes) {
      if (node->entry != GraphNode::kNoEntry) {
        WriteNode(program->layout, *node, memory + copy.offset);
      }
    }
  };
  {
    const LockedPrograms locked(program);
    if (program->copy[program->current].idle() && locked.outer_idle()) {
      write(program->copy[program->current]);
      return true;
    }
  }
  if (nested) {
    return false;  // the entries of others name the copy
  }
  // Only the current copy is launched, so one that is idle stays so.
  for (uint32_t i = 0; i < program->copies; ++i) {
    if (i == program->current || !program->copy[i].idle()) {
      continue;
    }
    const uint64_t begin = vnpu_model_graphs_offset();
    std::memcpy(memory + program->copy[i].offset + begin,
                memory + program->copy[program->current].offset + begin,
                vnpu_model_image_bytes(&program->layout) - begin);
    write(program->copy[i]);
    const std::lock_guard lock(program->lock);
    program->current = i;
    return true;
  }
  return false;
}

uint32_t TakeSpareArgs(Program* program, uint32_t bytes) {
  const uint32_t rounded = static_cast<uint32_t>(RoundUp(bytes, 8));
  if (program->layout.arg_bytes - program->arg_spare < rounded) {
    return ~0u;
  }
  const uint32_t offset = program->arg_spare;
  program->arg_spare += rounded;
  return offset;
}

}  // namespace vnpu::runtime
