// Events: what they capture, what they answer, what waits for them.
#include <utility>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostEvents = 24;

void Create(Player& player) {
  if (player.events.size() < kMostEvents) {
    CreateEvent(player);
  }
}

void Destroy(Player& player) {
  Event& event = *player.random.Pick(player.events);
  if (event.gate != kNoGate || player.events.size() <= 3) {
    return;
  }
  const aclrtEvent stale = event.handle;
  DestroyEvent(player, event);
  const uint64_t then = player.CountDestroyed(HandleKind::kEvent);
  if (!player.StillStale(HandleKind::kEvent, then)) {
    return;
  }
  aclrtEventRecordedStatus status{};
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtDestroyEvent(stale));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtQueryEventStatus(stale, &status));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtRecordEvent(stale, stream.handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtStreamWaitEvent(stream.handle, stale));
      break;
  }
}

void Record(Player& player) {
  Event& event = *player.random.Pick(player.events);
  if (event.gate == kNoGate) {
    player.RecordEvent(event, player.AnyStream());
  }
}

// A wait for a record to come: by an event of aclrtCreateEventWithFlag alone.
void WaitAhead(Player& player, Stream& stream, Event& event) {
  if (!player.MayClose(stream)) {
    return;
  }
  player.Prepare(stream, {}, {});
  MODEL_CALL(player, ACL_SUCCESS, aclrtStreamWaitEvent(stream.handle, event.handle));
  player.Submitted(stream, {}, {});
  Event* const waited = &event;
  event.gate = player.CloseGate(stream, [&player, waited] {
    waited->gate = kNoGate;
    player.RecordEvent(*waited, player.opener());
  });
  event.waits.push_back({.use = stream.Last(), .gates = stream.gates});
}

void Wait(Player& player) {
  Event& event = *player.random.Pick(player.events);
  Stream& stream = player.AnyStream();
  if (event.gate != kNoGate) {
    return;
  }
  if (event.can_sync && event.recorded) {
    player.WaitEvent(stream, event);
    return;
  }
  if (!event.can_sync || event.kind == EventKind::kDefault) {
    player.Enter(*stream.context);
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
               aclrtStreamWaitEvent(stream.handle, event.handle));
  } else if (event.kind == EventKind::kReusable) {
    player.Enter(*stream.context);
    MODEL_CALL(player, ACL_SUCCESS, aclrtStreamWaitEvent(stream.handle, event.handle));
  } else {
    WaitAhead(player, stream, event);
  }
}

// What a query of the last record answers.
void CheckStatus(Player& player, Event& event, bool complete) {
  if (!event.recorded) {
    MODEL_REQUIRE(player, complete == (event.kind == EventKind::kReusable));
    return;
  }
  MODEL_REQUIRE(player, complete || !player.host.Covers(event.record));
  MODEL_REQUIRE(player, !complete || event.gates == 0);
  if (complete) {
    player.host.Join(event.clock);
  }
}

void Query(Player& player) {
  Event& event = *player.random.Pick(player.events);
  if (player.random.Percent(50)) {
    aclrtEventRecordedStatus status{};
    MODEL_CALL(player, ACL_SUCCESS, aclrtQueryEventStatus(event.handle, &status));
    CheckStatus(player, event, status == ACL_EVENT_RECORDED_STATUS_COMPLETE);
    return;
  }
  aclrtEventStatus status{};
  if (event.kind == EventKind::kReusable) {
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtQueryEvent(event.handle, &status));
    return;
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtQueryEvent(event.handle, &status));
  CheckStatus(player, event, status == ACL_EVENT_STATUS_COMPLETE);
}

void QueryWaits(Player& player) {
  Event& event = *player.random.Pick(player.events);
  aclrtEventWaitStatus status{};
  if (event.kind == EventKind::kReusable) {
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
               aclrtQueryEventWaitStatus(event.handle, &status));
    return;
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtQueryEventWaitStatus(event.handle, &status));
  const bool complete = status == ACL_EVENT_WAIT_STATUS_COMPLETE;
  bool over = true;
  bool blocked = false;
  for (const Event::Wait& wait : event.waits) {
    over = over && player.host.Covers(wait.use);
    blocked = blocked || wait.gates != 0;
  }
  MODEL_REQUIRE(player, complete || !over);
  MODEL_REQUIRE(player, !complete || !blocked);
}

void Synchronize(Player& player) {
  Event& event = *player.random.Pick(player.events);
  if (!event.recorded) {
    const aclError wanted =
        event.kind == EventKind::kReusable ? ACL_SUCCESS : ACL_ERROR_RT_PARAM_INVALID;
    MODEL_CALL(player, wanted, aclrtSynchronizeEvent(event.handle));
    return;
  }
  if (event.gates != 0 && player.random.Percent(2)) {
    MODEL_CALL(player, ACL_ERROR_RT_EVENT_SYNC_TIMEOUT,
               aclrtSynchronizeEventWithTimeout(event.handle, 1));
  }
  player.OpenGates(event.gates);
  MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeEvent(event.handle));
  player.host.Join(event.clock);
}

void Reset(Player& player) {
  Event& event = *player.random.Pick(player.events);
  Stream& stream = player.AnyStream();
  if (event.gate != kNoGate) {
    return;
  }
  if (event.kind == EventKind::kReusable || !event.can_sync) {
    player.Enter(*stream.context);
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtResetEvent(event.handle, stream.handle));
    return;
  }
  // Waits of the last record that come too late would wait for the next.
  for (const Event::Wait& wait : std::exchange(event.waits, {})) {
    Resource waiting{.write = wait.use, .reads = {}};
    player.HostReads(waiting);
  }
  Resource record{.write = event.record, .reads = {}};
  player.HostReads(record);
  player.Prepare(stream, {}, {});
  MODEL_CALL(player, ACL_SUCCESS, aclrtResetEvent(event.handle, stream.handle));
  player.Submitted(stream, {}, {});
  // The next record must not be overtaken by it.
  player.Synchronize(stream);
  event.recorded = false;
  event.gates = 0;
}

// Whether the event has a time stamp for certain, for certain not, or may have one.
enum class Stamp : uint8_t { kYes, kNo, kMaybe };
Stamp StampOf(const Player& player, const Event& event) {
  if (!event.has_time || !event.recorded || event.gates != 0) {
    return Stamp::kNo;
  }
  return player.host.Covers(event.record) ? Stamp::kYes : Stamp::kMaybe;
}

void Elapsed(Player& player) {
  Event& start = *player.random.Pick(player.events);
  Event& end = *player.random.Pick(player.events);
  const Stamp first = StampOf(player, start);
  const Stamp second = StampOf(player, end);
  float ms = -1;
  if (first == Stamp::kNo || second == Stamp::kNo) {
    MODEL_CALL(player, ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID,
               aclrtEventElapsedTime(&ms, start.handle, end.handle));
    return;
  }
  if (first == Stamp::kMaybe || second == Stamp::kMaybe) {
    player.OpenAllGates();
    MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeEvent(start.handle));
    MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeEvent(end.handle));
    player.host.Join(start.clock);
    player.host.Join(end.clock);
  }
  if (end.clock.Covers(start.record)) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtEventElapsedTime(&ms, start.handle, end.handle));
    MODEL_REQUIRE(player, ms >= 0);
  } else {
    const aclError code =
        MODEL_CALL_EITHER(player, ACL_SUCCESS, ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL,
                          aclrtEventElapsedTime(&ms, start.handle, end.handle));
    MODEL_REQUIRE(player, code != ACL_SUCCESS || ms >= 0);
  }
}

// All threads at once, in whatever order.
void Common(Player& player) {
  const aclrtEvent event = player.world.common_event;
  Stream& stream = player.AnyStream();
  switch (player.random.Below(4)) {
    case 0:
      if (stream.gates == 0) {
        player.Prepare(stream, {}, {});
        MODEL_CALL(player, ACL_SUCCESS, aclrtRecordEvent(event, stream.handle));
        player.Submitted(stream, {}, {});
      }
      break;
    case 1:
      player.Prepare(stream, {}, {});
      MODEL_CALL(player, ACL_SUCCESS, aclrtStreamWaitEvent(stream.handle, event));
      player.Submitted(stream, {}, {});
      break;
    case 2:
      MODEL_CALL(player, ACL_SUCCESS, aclrtSynchronizeEvent(event));
      break;
    default: {
      aclrtEventRecordedStatus status{};
      MODEL_CALL(player, ACL_SUCCESS, aclrtQueryEventStatus(event, &status));
      break;
    }
  }
}

void Wrong(Player& player) {
  aclrtEvent made = nullptr;
  Event& event = *player.random.Pick(player.events);
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  switch (player.random.Below(9)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtCreateEvent(nullptr));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtCreateEventWithFlag(&made, 0));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtCreateEventExWithFlag(&made, 1u << 30));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtRecordEvent(nullptr, stream.handle));
      break;
    case 4:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtRecordEvent(&made, stream.handle));
      break;
    case 5:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtQueryEventStatus(event.handle, nullptr));
      break;
    case 6:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtSynchronizeEventWithTimeout(event.handle, 0));
      break;
    case 7:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtEventElapsedTime(nullptr, event.handle, event.handle));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtDestroyEvent(nullptr));
      break;
  }
}

}  // namespace

Event& CreateEvent(Player& player) {
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto event = std::make_unique<Event>();
  constexpr uint64_t kSeldom = 8;
  if (player.random.Percent(kSeldom)) {
    event->kind = EventKind::kReusable;
    event->ipc = true;
    event->has_time = false;
    MODEL_CALL(player, ACL_SUCCESS, aclrtCreateEventExWithFlag(&event->handle, ACL_EVENT_IPC));
    player.events.push_back(std::move(event));
    return *player.events.back();
  }
  const auto flags = player.random.Of<uint32_t>(
      {ACL_EVENT_SYNC, ACL_EVENT_SYNC | ACL_EVENT_TIME_LINE, ACL_EVENT_SYNC | ACL_EVENT_TIME_LINE,
       ACL_EVENT_TIME_LINE, ACL_EVENT_CAPTURE_STREAM_PROGRESS | ACL_EVENT_SYNC});
  event->kind = player.random.Of({EventKind::kDefault, EventKind::kFlags, EventKind::kReusable});
  switch (event->kind) {
    case EventKind::kDefault:
      MODEL_CALL(player, ACL_SUCCESS, aclrtCreateEvent(&event->handle));
      break;
    case EventKind::kFlags:
      MODEL_CALL(player, ACL_SUCCESS, aclrtCreateEventWithFlag(&event->handle, flags));
      break;
    case EventKind::kReusable:
      MODEL_CALL(player, ACL_SUCCESS, aclrtCreateEventExWithFlag(&event->handle, flags));
      break;
  }
  if (event->kind != EventKind::kDefault) {
    event->can_sync = (flags & ACL_EVENT_SYNC) != 0;
    event->has_time = (flags & ACL_EVENT_TIME_LINE) != 0;
  }
  player.events.push_back(std::move(event));
  return *player.events.back();
}

void DestroyEvent(Player& player, Event& event) {
  MODEL_CALL(player, ACL_SUCCESS, aclrtDestroyEvent(event.handle));
  Remove(player.events, &event);
}

std::span<const Action> EventActions() {
  static constexpr Action kActions[] = {
      {"create an event", 25, Create},
      {"destroy an event", 20, Destroy},
      {"record an event", 80, Record},
      {"let a stream wait for an event", 80, Wait},
      {"query an event", 60, Query},
      {"query waits for an event", 30, QueryWaits},
      {"synchronise an event", 15, Synchronize},
      {"reset an event", 10, Reset},
      {"time between events", 20, Elapsed},
      {"the common event", 40, Common},
      {"wrong calls on events", 20, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
