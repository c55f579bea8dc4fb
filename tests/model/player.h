// One thread of the test: its objects as the model sees them, and what every action needs.
#ifndef VNPU_TESTS_MODEL_PLAYER_H_
#define VNPU_TESTS_MODEL_PLAYER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tests/model/journal.h"
#include "tests/model/objects.h"
#include "tests/model/random.h"
#include "tests/model/world.h"

namespace vnpu::model {

using Resources = std::initializer_list<Resource*>;
template <class T>
using Owned = std::vector<std::unique_ptr<T>>;

// A host function that the thread itself is to run by aclrtProcessReport.
struct Report {
  bool pending = false;
  Stream* stream = nullptr;
  Gates before = 0;  // behind which it lies
  int gate = kNoGate;
  uint64_t calls = 0;     // so far
  uint64_t expected = 0;  // with the pending one
};

class Player {
 public:
  Player(World& the_world, uint32_t number);

  // In this order, all by the thread itself.
  void Begin();
  void Step();
  void Exchange();  // with the other threads; everybody's turn at the same time
  void End();

  // Makes the context current.
  void Enter(const Context& context);

  // Any stream, or any that may get behind a gate.
  Stream& AnyStream() { return *random.Pick(streams); }
  // The stream that opens gates, and is never behind one.
  Stream& opener() { return *streams.front(); }
  bool MayClose(const Stream& stream) const;
  Stream& NewStream(const Context& context, bool is_default);
  // After its end, which waits for its tasks.
  void Forget(const Stream& stream);

  // Before a task: lets the stream wait for what the task conflicts with, and enters its context.
  void Prepare(Stream& stream, Resources reads, Resources writes);
  // After its submission.
  void Submitted(Stream& stream, Resources reads, Resources writes);
  // Waits for the stream; opens what it waits for.
  void Synchronize(Stream& stream);
  // Waits for the uses: the host may then touch the resource.
  void HostReads(Resource& resource);
  void HostWrites(Resource& resource);
  bool Covered(const Stream& stream) const { return host.Covers(stream.Last()); }
  // After a wait for all streams of the device.
  void AllDone();

  // The stream waits for something that `open` brings about.
  int CloseGate(Stream& stream, std::function<void()> open);
  void OpenGates(Gates gates);
  void OpenAllGates() { OpenGates(~Gates{0}); }
  // Runs a pending host function of this thread.
  void ServeReport();

  void RecordEvent(Event& event, Stream& stream);
  // What is waited for: the last record.
  void WaitEvent(Stream& stream, Event& event);

  // Whether a stale handle of the kind is still refused; `then`: destroyed at its end.
  bool StillStale(HandleKind kind, uint64_t then) const;
  uint64_t CountDestroyed(HandleKind kind);

  World& world;
  const uint32_t number;
  Journal journal;
  Random random;
  Clock host;  // what the thread knows to be over
  const Context* current = nullptr;

  Owned<Context> contexts;  // its own; the streams of others are its own, too
  Owned<Stream> streams;    // the first: opener()
  Owned<Event> events;
  Owned<Notify> notifies;
  Owned<CountingNotify> counting;
  Owned<Buffer> buffers;
  Owned<Word> words;
  Owned<Pool> pools;
  Owned<Mapping> mappings;
  Report report;

 private:
  void Order(Stream& stream, Use use);
  Stream& CoveringStream(Use use);
  Event& LinkEvent();
  void MakeRoom(Stream& stream);
  void HostNeeds(Use use);
  void OpenGate(int gate);
  void Give();
  void Take();
  void FreeEverything();

  std::vector<uint32_t> free_lanes_;
  std::array<std::function<void()>, kMaxGates> gates_;
};

// Takes the object out of its owner's list.
template <class T>
std::unique_ptr<T> Remove(Owned<T>& list, const T* object) {
  for (auto each = list.begin(); each != list.end(); ++each) {
    if (each->get() == object) {
      std::unique_ptr<T> taken = std::move(*each);
      list.erase(each);
      return taken;
    }
  }
  return nullptr;
}

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_PLAYER_H_
