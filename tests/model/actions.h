// What the threads do, by subject. Functions that several subjects use are here, too.
#ifndef VNPU_TESTS_MODEL_ACTIONS_H_
#define VNPU_TESTS_MODEL_ACTIONS_H_

#include <cstddef>
#include <span>

#include "tests/model/player.h"

namespace vnpu::model {

std::span<const Action> DeviceActions();
std::span<const Action> ContextActions();
std::span<const Action> StreamActions();
std::span<const Action> EventActions();
std::span<const Action> NotifyActions();
std::span<const Action> CountingNotifyActions();
std::span<const Action> BufferActions();
std::span<const Action> CopyActions();
std::span<const Action> KernelActions();
std::span<const Action> WordActions();
std::span<const Action> ReduceActions();
std::span<const Action> HostFunctionActions();
std::span<const Action> PoolActions();
std::span<const Action> VirtualMemoryActions();
std::span<const Action> WrongMemoryActions();
std::span<const Action> FailureActions();

Event& CreateEvent(Player& player);
void DestroyEvent(Player& player, Event& event);
void DestroyNotify(Player& player, Notify& notify);
void DestroyCountingNotify(Player& player, CountingNotify& notify);
void DestroyWord(Player& player, Word& word);
void DestroyStream(Player& player, Stream& stream);
void DestroyContext(Player& player, Context& context);

// A buffer with known contents, of at most `largest` bytes.
Buffer& AllocateBuffer(Player& player, Place place, size_t largest);
// One that the condition holds for; null: none.
template <class Condition>
Buffer* AnyBuffer(Player& player, Condition&& condition) {
  constexpr int kTries = 6;
  for (int i = 0; i < kTries && !player.buffers.empty(); ++i) {
    Buffer& buffer = *player.random.Pick(player.buffers);
    if (condition(buffer)) {
      return &buffer;
    }
  }
  return nullptr;
}
// Compares the contents with the model's.
void VerifyBuffer(Player& player, Buffer& buffer);
// After all uses.
void FreeBuffer(Player& player, Buffer& buffer);

void FreePoolBuffer(Player& player, Buffer& buffer);
void DestroyPool(Player& player, Pool& pool);
void DestroyMapping(Player& player, Mapping& mapping);
void UnmapBuffer(Player& player, Buffer& buffer);

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_ACTIONS_H_
