#include "tests/model/player.h"

#include <algorithm>
#include <utility>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

// A queue holds 1024 tasks. Behind a closed gate nothing of it is done, so that a thread which
// waited for room would wait for ever.
constexpr uint64_t kMostTasks = 400;
constexpr size_t kLeastEvents = 3;

}  // namespace

Player::Player(World& the_world, uint32_t the_number)
    : world(the_world),
      number(the_number),
      journal(the_world.options.seed, the_number),
      random(the_world.options.seed, the_number) {
  const auto share = static_cast<uint32_t>(kLanes / kMaxThreads);
  for (uint32_t i = 0; i < share; ++i) {
    free_lanes_.push_back(number * share + i);
  }
}

void Player::Enter(const Context& context) {
  if (current != &context) {
    MODEL_CALL(*this, ACL_SUCCESS, aclrtSetCurrentContext(context.handle));
    current = &context;
  }
}

bool Player::MayClose(const Stream& stream) const {
  const auto free = std::ranges::count_if(gates_, [](const auto& open) { return !open; });
  return &stream != streams.front().get() && free > 0;
}

Stream& Player::NewStream(const Context& context, bool is_default) {
  auto stream = std::make_unique<Stream>();
  stream->context = &context;
  stream->is_default = is_default;
  MODEL_REQUIRE(*this, !free_lanes_.empty());
  stream->lane = free_lanes_.back();
  free_lanes_.pop_back();
  stream->clock.Set({stream->lane, host.At(stream->lane)});
  streams.push_back(std::move(stream));
  return *streams.back();
}

void Player::Forget(const Stream& stream) {
  host.Join(stream.clock);
  free_lanes_.push_back(stream.lane);
  Remove(streams, &stream);
}

void Player::Prepare(Stream& stream, Resources reads, Resources writes) {
  for (const Resource* resource : reads) {
    Order(stream, resource->write);
  }
  for (const Resource* resource : writes) {
    Order(stream, resource->write);
    for (const Use use : resource->reads) {
      Order(stream, use);
    }
  }
  MakeRoom(stream);
  Enter(*stream.context);
}

void Player::Submitted(Stream& stream, Resources reads, Resources writes) {
  stream.clock.Set({stream.lane, stream.clock.At(stream.lane) + 1});
  const Use use = stream.Last();
  for (Resource* resource : reads) {
    std::erase_if(resource->reads, [&](Use old) { return old.lane == use.lane; });
    resource->reads.push_back(use);
  }
  for (Resource* resource : writes) {
    resource->write = use;
    resource->reads.clear();
  }
}

// The next task of the stream runs behind the use.
void Player::Order(Stream& stream, Use use) {
  if (host.Covers(use) || stream.clock.Covers(use)) {
    return;
  }
  Stream& other = CoveringStream(use);
  constexpr uint64_t kBySynchronizing = 25;
  if (random.Percent(kBySynchronizing)) {
    Synchronize(other);
    return;
  }
  if (&stream == &opener()) {
    OpenGates(other.gates);
  }
  Event& event = LinkEvent();
  RecordEvent(event, other);
  WaitEvent(stream, event);
}

Stream& Player::CoveringStream(Use use) {
  Stream* found = nullptr;
  for (const auto& stream : streams) {
    if (stream->lane == use.lane) {
      return *stream;
    }
    if (stream->clock.Covers(use)) {
      found = stream.get();
    }
  }
  MODEL_REQUIRE(*this, found != nullptr);
  return *found;
}

// One that may be recorded and waited for, whoever uses it besides.
Event& Player::LinkEvent() {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    Event& event = *random.Pick(events);
    if (event.can_sync && event.gate == kNoGate) {
      return event;
    }
  }
  for (;;) {
    Event& event = CreateEvent(*this);
    if (event.can_sync) {
      return event;
    }
  }
}

void Player::MakeRoom(Stream& stream) {
  if (stream.clock.At(stream.lane) - host.At(stream.lane) > kMostTasks) {
    Synchronize(stream);
  }
}

void Player::Synchronize(Stream& stream) {
  OpenGates(stream.gates);
  Enter(*stream.context);
  if (random.Percent(80)) {
    MODEL_CALL(*this, ACL_SUCCESS, aclrtSynchronizeStream(stream.handle));
  } else {
    constexpr int32_t kLongMs = 120'000;
    MODEL_CALL(*this, ACL_SUCCESS, aclrtSynchronizeStreamWithTimeout(stream.handle, kLongMs));
  }
  host.Join(stream.clock);
}

void Player::HostNeeds(Use use) {
  if (!host.Covers(use)) {
    Synchronize(CoveringStream(use));
  }
}

void Player::HostReads(Resource& resource) { HostNeeds(resource.write); }

void Player::HostWrites(Resource& resource) {
  HostNeeds(resource.write);
  for (const Use use : resource.reads) {
    HostNeeds(use);
  }
}

void Player::AllDone() {
  for (const auto& stream : streams) {
    host.Join(stream->clock);
  }
}

int Player::CloseGate(Stream& stream, std::function<void()> open) {
  const auto free = std::ranges::find_if(gates_, [](const auto& each) { return !each; });
  MODEL_REQUIRE(*this, free != gates_.end());
  *free = std::move(open);
  const int gate = static_cast<int>(free - gates_.begin());
  stream.gates |= Gates{1} << gate;
  return gate;
}

void Player::OpenGates(Gates gates) {
  for (int gate = 0; gate < static_cast<int>(kMaxGates); ++gate) {
    if ((gates >> gate & 1) != 0) {
      OpenGate(gate);
    }
  }
}

void Player::OpenGate(int gate) {
  auto& slot = gates_[static_cast<size_t>(gate)];
  if (!slot) {
    return;
  }
  // Taken out first: what opens it may open others.
  const std::function<void()> open = std::exchange(slot, {});
  open();
  const Gates left = ~(Gates{1} << gate);
  for (const auto& stream : streams) {
    stream->gates &= left;
  }
  for (const auto& event : events) {
    event->gates &= left;
    for (Event::Wait& wait : event->waits) {
      wait.gates &= left;
    }
  }
}

void Player::ServeReport() {
  if (!report.pending) {
    return;
  }
  if (report.gate != kNoGate) {
    OpenGates(Gates{1} << report.gate);  // which comes here again
    return;
  }
  report.pending = false;
  OpenGates(report.before);
  constexpr int32_t kLongMs = 60'000;
  MODEL_CALL(*this, ACL_SUCCESS, aclrtProcessReport(kLongMs));
  MODEL_REQUIRE(*this, report.calls == report.expected);
}

void Player::RecordEvent(Event& event, Stream& stream) {
  const bool behind = event.ipc && event.recorded && event.record.lane != stream.lane;
  if (behind && &stream == &opener()) {
    OpenGates(event.gates);
  }
  MakeRoom(stream);
  Enter(*stream.context);
  MODEL_CALL(*this, ACL_SUCCESS, aclrtRecordEvent(event.handle, stream.handle));
  Submitted(stream, {}, {});
  if (behind) {
    stream.clock.Join(event.clock);
    stream.gates |= event.gates;
  }
  event.recorded = true;
  event.record = stream.Last();
  event.clock = stream.clock;
  event.gates = stream.gates;
}

void Player::WaitEvent(Stream& stream, Event& event) {
  if (&stream == &opener()) {
    OpenGates(event.gates);
  }
  MakeRoom(stream);
  Enter(*stream.context);
  constexpr uint64_t kWithLimit = 10;
  if (random.Percent(kWithLimit)) {
    constexpr int32_t kLongSeconds = 600;
    MODEL_CALL(*this, ACL_SUCCESS,
               aclrtStreamWaitEventWithTimeout(stream.handle, event.handle, kLongSeconds));
  } else {
    MODEL_CALL(*this, ACL_SUCCESS, aclrtStreamWaitEvent(stream.handle, event.handle));
  }
  Submitted(stream, {}, {});
  stream.clock.Join(event.clock);
  stream.gates |= event.gates;
  std::erase_if(event.waits, [&](const Event::Wait& wait) { return host.Covers(wait.use); });
  event.waits.push_back({.use = stream.Last(), .gates = stream.gates});
}

bool Player::StillStale(HandleKind kind, uint64_t then) const {
  constexpr uint64_t kSafe = 500;
  return world.destroyed[static_cast<size_t>(kind)].load() - then < kSafe;
}

uint64_t Player::CountDestroyed(HandleKind kind) {
  return world.destroyed[static_cast<size_t>(kind)].fetch_add(1) + 1;
}

void Player::Begin() {
  MODEL_CALL(*this, ACL_SUCCESS, aclrtSetDevice(0));
  current = &world.primary;
  NewStream(world.primary, /*is_default=*/false);
  MODEL_CALL(*this, ACL_SUCCESS, aclrtCreateStream(&streams.front()->handle));
  while (events.size() < kLeastEvents) {
    CreateEvent(*this);
  }
}

void Player::Step() {
  const Action* action = nullptr;
  uint64_t before = 0;
  do {
    uint64_t pick = random.Below(world.total_weight);
    action = world.actions.data();
    for (; pick >= action->weight; ++action) {
      pick -= action->weight;
    }
    before = journal.notes();
    action->run(*this);
  } while (journal.notes() == before);
  journal.BeginStep(action->name);
}

void Player::Exchange() {
  ServeReport();
  OpenAllGates();
  for (const auto& stream : streams) {
    Synchronize(*stream);
  }
  Give();
  world.meeting.arrive_and_wait();
  Take();
  world.meeting.arrive_and_wait();
}

void Player::Give() {
  constexpr size_t kKeep = 8;
  while (streams.size() > kKeep) {
    DestroyStream(*this, *streams.back());
  }
  Buffer& buffer = AllocateBuffer(*this, random.Of({Place::kDevice, Place::kPinned}), 64 << 10);
  const Context& context = random.Percent(50) ? world.primary : world.shared;
  Enter(context);
  Stream& stream = NewStream(context, /*is_default=*/false);
  MODEL_CALL(*this, ACL_SUCCESS, aclrtCreateStream(&stream.handle));
  HostWrites(buffer);
  constexpr int kFills = 20;
  for (int i = 0; i < kFills; ++i) {
    const auto value = static_cast<uint8_t>(random.Bits());
    const size_t part = random.Between(1, buffer.size());
    Prepare(stream, {}, {&buffer});
    MODEL_CALL(*this, ACL_SUCCESS,
               aclrtMemsetAsync(buffer.address, buffer.size(), value, part, stream.handle));
    Submitted(stream, {}, {&buffer});
    std::fill_n(buffer.bytes.begin(), part, std::byte{value});
  }
  Event* event = nullptr;
  do {
    event = &CreateEvent(*this);
  } while (!event->can_sync);
  RecordEvent(*event, stream);
  stream.clock.Join(host);  // the next owner knows nothing else of this thread
  event->clock.Join(host);
  world.exchange[number] = {.stream = Remove(streams, &stream),
                            .buffer = Remove(buffers, &buffer),
                            .event = Remove(events, event)};
}

void Player::Take() {
  Bundle bundle = std::move(world.exchange[(number + 1) % world.options.threads]);
  streams.push_back(std::move(bundle.stream));
  buffers.push_back(std::move(bundle.buffer));
  events.push_back(std::move(bundle.event));
  Stream& stream = *streams.back();
  Buffer& buffer = *buffers.back();
  Event& event = *events.back();
  // By the event alone, through the host, or by the stream itself.
  switch (random.Below(3)) {
    case 0: {
      WaitEvent(opener(), event);
      Prepare(opener(), {}, {&buffer});
      MODEL_CALL(*this, ACL_SUCCESS,
                 aclrtMemsetAsync(buffer.address, buffer.size(), 1, 1, opener().handle));
      Submitted(opener(), {}, {&buffer});
      buffer.bytes[0] = std::byte{1};
      break;
    }
    case 1:
      MODEL_CALL(*this, ACL_SUCCESS, aclrtSynchronizeEvent(event.handle));
      host.Join(event.clock);
      break;
    default:
      Synchronize(stream);
      break;
  }
  VerifyBuffer(*this, buffer);
}

void Player::End() {
  journal.Note("the end");
  ServeReport();
  OpenAllGates();
  for (const auto& stream : streams) {
    Synchronize(*stream);
  }
  FreeEverything();
  Enter(world.primary);
  MODEL_CALL(*this, ACL_SUCCESS, aclrtResetDevice(0));
}

void Player::FreeEverything() {
  while (!buffers.empty()) {
    VerifyBuffer(*this, *buffers.back());
    FreeBuffer(*this, *buffers.back());
  }
  while (!words.empty()) {
    DestroyWord(*this, *words.back());
  }
  while (!notifies.empty()) {
    DestroyNotify(*this, *notifies.back());
  }
  while (!counting.empty()) {
    DestroyCountingNotify(*this, *counting.back());
  }
  while (!mappings.empty()) {
    DestroyMapping(*this, *mappings.back());
  }
  while (!events.empty()) {
    DestroyEvent(*this, *events.back());
  }
  while (!contexts.empty()) {
    DestroyContext(*this, *contexts.back());
  }
  // Waits of the pools' memory are over before the pools' last memory goes.
  for (const auto& stream : streams) {
    Synchronize(*stream);
  }
  while (!pools.empty()) {
    DestroyPool(*this, *pools.back());
  }
  while (!streams.empty()) {
    DestroyStream(*this, *streams.back());
  }
}

}  // namespace vnpu::model
