// A scheduler with models whose images the test lays out.
#ifndef VNPU_TESTS_SCHEDULER_MODEL_FIXTURE_H_
#define VNPU_TESTS_SCHEDULER_MODEL_FIXTURE_H_

#include "tests/scheduler/scheduler_fixture.h"
#include "tests/support/model_image.h"

namespace vnpu::firmware::test {

// Words of memory that conditions read.
inline constexpr uint64_t kWord = 0x1000;
inline constexpr uint64_t kOther = 0x2000;

class ModelTest : public SchedulerTest {
 protected:
  static constexpr uint32_t kModel = 1;
  static constexpr uint32_t kQueue = 5;  // that Run() uses
  static constexpr size_t kModelBytes = 64 << 10;
  static constexpr ModelLimits kLimits = {.streams = 16, .graphs = 8, .registers = 64};

  ModelTest() {
    SetUnits(8, 8, 2, 8);
    queue_ = &Create(kQueue);
    CreateModel(kModel);
  }

  void CreateModel(uint32_t id, size_t bytes = kModelBytes, const ModelLimits& limits = kLimits) {
    models_.erase(id);
    Memory& memory = models_.emplace(id, bytes).first->second;
    ASSERT_EQ(scheduler_->CreateModel(id, std::span(memory.data(), bytes), limits), 0);
  }
  std::byte* memory(uint32_t model = kModel) { return models_.at(model).data(); }
  void Load(const ModelImage& image, uint32_t model = kModel, uint64_t offset = 0) {
    image.Write(memory(model) + offset);
  }
  uint64_t Completed(uint32_t model = kModel, uint64_t offset = 0) {
    return reinterpret_cast<const vnpu_model_image*>(memory(model) + offset)->completed;
  }

  // Executes what is loaded and runs it piece by piece; the execution's status.
  uint32_t Run(uint32_t model = kModel, uint64_t offset = 0) {
    Publish(*queue_, WithCqe(Execute(model, offset)));
    order_.clear();
    Work work;
    do {
      while (TryPick(&work)) {
        order_.emplace_back(work.queue->entry_id, work.queue->head);
        if (on_work) {
          on_work(work);
        }
        NoteStart(&work);
        Retire(work);
      }
    } while (scheduler_->HasMore());
    return StatusOf(*queue_);
  }
  // Of the next completion; VNPU_STATUS_COUNT: there is none.
  static uint32_t StatusOf(QueueClient& queue) {
    const auto cqe = queue.Consume();
    return cqe ? cqe->status : uint32_t{VNPU_STATUS_COUNT};
  }
  // Picks what there is into out_; not without end where entries go in circles.
  void PickSome(int passes = 100) {
    Work work;
    do {
      while (TryPick(&work)) {
        NoteStart(&work);
        out_.push_back(work);
      }
    } while (scheduler_->HasMore() && --passes > 0);
  }
  void ExpectNoMoreThan(size_t pieces) {
    PickSome();
    ASSERT_LE(out_.size(), pieces);
  }
  // Picks work of a stream.
  Work PickOf(uint32_t stream) {
    const Work work = Pick();
    EXPECT_EQ(work.queue->entry_id, stream);
    return work;
  }
  const vnpu_exception& LastException() const {
    return session()->exceptions[(session()->exception_count - 1) % VNPU_EXCEPTIONS];
  }

  using Order = std::vector<std::pair<uint32_t, uint64_t>>;  // stream, position
  Order order_;                                              // of the work in the last Run()
  std::function<void(const Work&)> on_work;
  std::vector<Work> out_;  // of ExpectNoMoreThan()
  std::map<uint32_t, Memory> models_;
  QueueClient* queue_ = nullptr;
};

}  // namespace vnpu::firmware::test

#endif  // VNPU_TESTS_SCHEDULER_MODEL_FIXTURE_H_
