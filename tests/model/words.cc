// Words of memory that streams write and wait for.
#include <atomic>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostWords = 6;

void Create(Player& player) {
  if (player.words.size() >= kMostWords) {
    return;
  }
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto word = std::make_unique<Word>();
  word->pinned = player.random.Percent(50);
  void* memory = nullptr;
  if (word->pinned) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtMallocHost(&memory, sizeof(uint64_t)));
  } else {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMalloc(&memory, sizeof(uint64_t), ACL_MEM_MALLOC_NORMAL_ONLY));
  }
  word->address = static_cast<uint64_t*>(memory);
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemset(memory, sizeof(uint64_t), 0, sizeof(uint64_t)));
  player.words.push_back(std::move(word));
}

Word* AnyFree(Player& player) {
  if (player.words.empty()) {
    return nullptr;
  }
  Word* word = player.random.Pick(player.words).get();
  return word->gate == kNoGate ? word : nullptr;
}

void Destroy(Player& player) {
  if (Word* word = AnyFree(player); word != nullptr) {
    DestroyWord(player, *word);
  }
}

void SetByHost(Word& word, uint64_t value) {
  std::atomic_ref<uint64_t>(*word.address).store(value, std::memory_order_release);
  word.value = value;
}

void Write(Player& player) {
  Word* word = AnyFree(player);
  if (word == nullptr) {
    return;
  }
  const uint64_t value = player.random.Bits() >> 1;
  if (word->pinned) {
    player.HostWrites(*word);
    player.journal.Note("the host writes a word");
    SetByHost(*word, value);
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {word});
  MODEL_CALL(player, ACL_SUCCESS, aclrtValueWrite(word->address, value, 0, stream.handle));
  player.Submitted(stream, {}, {word});
  word->value = value;
}

void Read(Player& player) {
  Word* word = AnyFree(player);
  if (word == nullptr) {
    return;
  }
  uint64_t value = 0;
  player.HostReads(*word);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemcpy(&value, sizeof(value), word->address, sizeof(value), ACL_MEMCPY_DEFAULT));
  MODEL_REQUIRE(player, value == word->value);
}

void WaitPasses(Player& player) {
  Word* word = AnyFree(player);
  if (word == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {word}, {});
  const uint64_t value = word->value;
  switch (player.random.Below(3)) {
    case 0:
      MODEL_CALL(player, ACL_SUCCESS,
                 aclrtValueWait(word->address, value, ACL_STREAM_WAIT_VALUE_EQ, stream.handle));
      break;
    case 1:
      MODEL_CALL(
          player, ACL_SUCCESS,
          aclrtValueWait(word->address, value / 2, ACL_STREAM_WAIT_VALUE_GEQ, stream.handle));
      break;
    default:
      MODEL_CALL(player, ACL_SUCCESS,
                 aclrtValueWait(word->address, 1, ACL_STREAM_WAIT_VALUE_NOR, stream.handle));
      break;
  }
  player.Submitted(stream, {word}, {});
}

void Open(Player& player, Word& word) {
  word.gate = kNoGate;
  if (word.pinned) {
    player.journal.Note("the host writes the word that a stream waits for");
    SetByHost(word, word.opening);
    return;
  }
  Stream& opener = player.opener();
  player.Prepare(opener, {}, {});
  MODEL_CALL(player, ACL_SUCCESS, aclrtValueWrite(word.address, word.opening, 0, opener.handle));
  player.Submitted(opener, {}, {});
  word.write = opener.Last();  // the wait stays among those who read
  word.value = word.opening;
}

void WaitAhead(Player& player) {
  Word* word = AnyFree(player);
  Stream& stream = player.AnyStream();
  if (word == nullptr || !player.MayClose(stream)) {
    return;
  }
  if (word->pinned) {
    player.HostWrites(*word);
  }
  player.Prepare(player.opener(), {}, {word});
  player.Prepare(stream, {word}, {});
  if (!player.MayClose(stream)) {
    return;
  }
  word->opening = word->value + player.random.Between(1, 1000);
  const auto mode =
      player.random.Of<uint32_t>({ACL_STREAM_WAIT_VALUE_EQ, ACL_STREAM_WAIT_VALUE_GEQ});
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtValueWait(word->address, word->opening, mode, stream.handle));
  player.Submitted(stream, {word}, {});
  word->gate = player.CloseGate(stream, [&player, word] { Open(player, *word); });
}

void Wrong(Player& player) {
  Word* word = AnyFree(player);
  if (word == nullptr) {
    return;
  }
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  auto* const crooked = reinterpret_cast<std::byte*>(word->address) + 4;
  uint64_t pageable = 0;
  switch (player.random.Below(5)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_ADDR_UNALIGNED,
                 aclrtValueWait(crooked, 0, ACL_STREAM_WAIT_VALUE_EQ, stream.handle));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_ADDR_UNALIGNED,
                 aclrtValueWrite(crooked, 0, 0, stream.handle));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtValueWait(word->address, 0, 4, stream.handle));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtValueWait(&pageable, 0, ACL_STREAM_WAIT_VALUE_EQ, stream.handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtValueWrite(nullptr, 0, 0, stream.handle));
      break;
  }
}

}  // namespace

void DestroyWord(Player& player, Word& word) {
  player.HostWrites(word);
  if (word.pinned) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtFreeHost(word.address));
  } else {
    MODEL_CALL(player, ACL_SUCCESS, aclrtFree(word.address));
  }
  Remove(player.words, &word);
}

std::span<const Action> WordActions() {
  static constexpr Action kActions[] = {
      {"make a word", 6, Create},
      {"free a word", 3, Destroy},
      {"write a word", 30, Write},
      {"read a word", 15, Read},
      {"pass a wait for a word", 20, WaitPasses},
      {"wait for a word to come", 6, WaitAhead},
      {"wrong waits for words", 10, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
