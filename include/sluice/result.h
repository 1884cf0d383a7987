// Errors are values: Result<T>, Status, TRY.
//
// Three kinds of failure, never mixed:
//   a bug        CHECK (base/check.h), always on, ends the process;
//   the world    Result, an Error that the caller can tell apart by code and reason, never by text;
//   a shutdown   Code::kCancelled, a value like any other error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// What failed, and with it what the caller has to do.
enum class Code : uint8_t {
  kInvalid,      ///< The request is wrong. Correct it; a retry fails again.
  kNotFound,     ///< The named thing does not exist.
  kExists,       ///< The named thing exists already.
  kConflict,     ///< Another writer was first. Read again, then retry.
  kFenced,       ///< Another owner took over. Stop; never retry.
  kBusy,         ///< A limit is reached. Back off, then retry.
  kFull,         ///< No space left. Free space, then retry.
  kIo,           ///< The device or the network failed; the outcome may be unknown.
  kPoisoned,     ///< An earlier sync failed, so nothing more can be promised. Reopen.
  kCorrupt,      ///< Stored bytes are wrong. `where` names the object, found() the offset.
  kUnsupported,  ///< A newer format or an absent feature; never a synonym of corrupt.
  kCancelled,    ///< The owner is shutting down.
};

/// A stable refinement of the code, for callers that tell cases apart.
enum class Reason : uint8_t {
  kNone,
  kClosed,
  kSealed,
  kSequenceViolation,  ///< expected(), found()
  kPayloadTooLarge,    ///< found() bytes against the limit expected()
  kIncompleteHeader,
  kIncompletePayload,
  kCrcMismatch,
  kDecodeFailure,
  kVersion,  ///< found() against the newest known version expected()
  kMissingSegment,
  kForked,      ///< this log is a copy or went back in time
  kMissingKey,  ///< what is encrypted needs a key that was not given
  kWrongKey,    ///< another key than it was sealed with, or other bytes than were sealed
  kLocked,
  kUnknownColumn,
  kMissingColumn,
  kTypeMismatch,
  kNullKey,
  kOutOfRange,
  kDeadline,
  kQuota,           ///< found() of what a table may pin against the limit expected()
  kUnknownOutcome,  ///< the operation may or may not have had its effect
  // of a flush (flush.h)
  kNoEntries,
  kCommitted,
  kRolledBack,
  kUnknownFlush,
  kInProgress,
  kUnprepared,
  kForeign,  ///< the object is sound, but not the one that was put under this name
};

std::string_view to_string(Code code);
std::string_view to_string(Reason reason);

/// An error value. Cheap to copy (one shared pointer), so that one failed sync can answer many
/// waiters.
class Error {
 public:
  struct Body {
    Code code;
    Reason reason = Reason::kNone;
    std::string message;    ///< what went wrong and what to do, one sentence
    std::string where;      ///< file, object, column, line: whatever the reader can go to
    uint64_t expected = 0;  ///< expected value, or limit
    uint64_t found = 0;     ///< found value, size, or offset
  };

  Error(Code code, std::string message, std::string where = {})
      : Error(Body{code, Reason::kNone, std::move(message), std::move(where)}) {}
  Error(Code code, Reason reason, std::string message, std::string where = {})
      : Error(Body{code, reason, std::move(message), std::move(where)}) {}
  explicit Error(Body body) : body_(std::make_shared<const Body>(std::move(body))) {}

  Code code() const { return body_->code; }
  Reason reason() const { return body_->reason; }
  const std::string& message() const { return body_->message; }
  const std::string& where() const { return body_->where; }
  uint64_t expected() const { return body_->expected; }
  uint64_t found() const { return body_->found; }

  /// The same error with `outer` put before its message, for a caller that knows more of the
  /// context.
  Error with_context(std::string_view outer) const;
  /// The same error naming `place`, unless it names one already.
  Error at(std::string_view place) const;
  /// "corrupt (crc_mismatch): message [where]", for people.
  std::string to_string() const;

 private:
  std::shared_ptr<const Body> body_;
};

/// Either a T or an Error. Using the wrong side is a bug and ends the process.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return must_hold_value(), *std::get_if<0>(&state_); }
  const T& value() const& { return must_hold_value(), *std::get_if<0>(&state_); }
  T value() && { return must_hold_value(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return must_hold_error(), *std::get_if<1>(&state_); }

 private:
  void must_hold_value() const;
  void must_hold_error() const;
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  bool ok() const { return error_.index() == 0; }
  explicit operator bool() const { return ok(); }
  void value() const;
  const Error& error() const;

 private:
  std::variant<std::monostate, Error> error_;
};

using Status = Result<void>;
inline Status ok() {
  return {};
}

namespace detail {
[[noreturn]] void result_misused(const char* what, const Error* error);
inline void take(Status&&) {}
template <class T>
T take(Result<T>&& result) {
  return std::move(result).value();
}
}  // namespace detail

template <class T>
void Result<T>::must_hold_value() const {
  if (!ok()) detail::result_misused("value() of an error", std::get_if<1>(&state_));
}
template <class T>
void Result<T>::must_hold_error() const {
  if (ok()) detail::result_misused("error() of a value", nullptr);
}

}  // namespace sluice

/// The value of a Result expression, or a return of its error from the enclosing function, which
/// returns a Result. One a statement where values own memory, never one within another (g++ 12).
#define TRY(...)                                       \
  (__extension__({                                     \
    auto try_result_ = (__VA_ARGS__);                  \
    if (!try_result_.ok()) return try_result_.error(); \
    ::sluice::detail::take(std::move(try_result_));    \
  }))
