// Makes an image of a model: resident queues, with registers in place of events.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_COMPILE_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_COMPILE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "libruntime/src/graph/model.h"
#include "libruntime/src/graph/program.h"

namespace vnpu::runtime {

// The waits of one graph that are needed, and the registers in their place. A wait is not needed
// when its stream is known to be behind the record anyway.
class Dependencies {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit Dependencies(const Model& model);

  uint32_t registers() const { return registers_; }
  // Of the record at node `node` of the stream: that it sets; kNone: nobody needs it.
  uint32_t RecordRegister(uint32_t stream, uint32_t node) const;
  // Of the wait at that node; kNone: it is not needed.
  uint32_t WaitRegister(uint32_t stream, uint32_t node) const;

 private:
  struct Step;
  using Clock = std::vector<uint32_t>;

  void Walk(const Model& model, bool straight);

  uint32_t registers_ = 0;
  std::vector<std::map<uint32_t, uint32_t>> record_registers_;
  std::vector<std::map<uint32_t, uint32_t>> wait_registers_;
};

// With the model's mutex held; changes where its nodes say that their entries are.
aclError CompileModel(Model* model, Image* image);

// And takes it to the device: the model is ready. With the model's mutex held.
aclError CompileAndLoad(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_COMPILE_H_
