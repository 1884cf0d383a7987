#include "io/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::io {
namespace {

constexpr size_t kHeaderBytesMax = 64u << 10;
constexpr long kTransferBufferBytes = 512l << 10;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// Before the first use of the library, in whichever thread that is.
void start_library() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

long millis(Nanos nanos) {
  return static_cast<long>(std::max<Nanos>(nanos / kMillisecond, 1));
}

/// One request on its way.
struct Exchange {
  const HttpRequest& request;
  HttpAnswer answer;
  size_t sent = 0;
  size_t header_bytes = 0;
  const char* too_much = nullptr;  ///< why the answer was refused

  size_t refuse(const char* why) {
    too_much = why;
    return 0;
  }
};

int status_of(std::string_view line) {
  const size_t blank = line.find(' ');
  int status = 0;
  for (size_t at = blank + 1; blank != line.npos && at < std::min(line.size(), blank + 4); ++at) {
    if (line[at] < '0' || line[at] > '9') return 0;
    status = status * 10 + (line[at] - '0');
  }
  return status;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// The library calls these with its own signature, and takes a smaller answer than the count for an
// error.
size_t on_header(char* bytes, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(bytes, size * count);
  exchange.header_bytes += line.size();
  if (exchange.header_bytes > kHeaderBytesMax) return exchange.refuse("its head is too long");
  if (line.starts_with("HTTP/")) {  // also after "100 Continue"
    exchange.answer.status = status_of(line);
    exchange.answer.headers.clear();
  } else if (const size_t colon = line.find(':'); colon != line.npos) {
    std::string name(line.substr(0, colon));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    exchange.answer.headers[name] = trim(line.substr(colon + 1));
  }
  return line.size();
}

size_t on_body(char* bytes, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const size_t length = size * count;
  HttpAnswer& answer = exchange.answer;
  const std::span<std::byte> out = exchange.request.out;
  if (answer.is_success() && !out.empty()) {
    if (length > out.size() - answer.out_bytes) return exchange.refuse("it is longer than asked");
    std::memcpy(out.data() + answer.out_bytes, bytes, length);
    answer.out_bytes += length;
    return length;
  }
  if (length > exchange.request.text_bytes_max - answer.text.size()) {
    return exchange.refuse("it is longer than allowed");
  }
  answer.text.append(bytes, length);
  return length;
}

size_t on_send(char* into, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const ByteView left = exchange.request.body.subspan(exchange.sent);
  const size_t length = std::min(left.size(), size * count);
  if (length > 0) std::memcpy(into, left.data(), length);
  exchange.sent += length;
  return length;
}

int on_rewind(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  const bool is_beginning = origin == SEEK_SET && offset == 0;
  if (exchange.request.send_once || !is_beginning) return CURL_SEEKFUNC_FAIL;
  exchange.sent = 0;
  return CURL_SEEKFUNC_OK;
}

/// Whether the next try will fail alike: an address or a certificate that is wrong.
bool is_lasting(CURLcode code) {
  return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
         code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}

Error error_of(CURLcode code, const char* detail, const Exchange& exchange) {
  std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  if (exchange.too_much != nullptr) {
    text = std::string("the answer is refused: ") + exchange.too_much;
  }
  const Reason reason = is_lasting(code)                   ? Reason::kNone
                        : code == CURLE_OPERATION_TIMEDOUT ? Reason::kDeadline
                                                           : Reason::kUnknownOutcome;
  return Error(Code::kIo, reason, text, exchange.request.url);
}

}  // namespace

struct HttpClient::Connection {
  Connection() : handle(curl_easy_init()) { CHECK(handle != nullptr); }
  ~Connection() { curl_easy_cleanup(handle); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  CURL* handle;
};

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  start_library();
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Connection> HttpClient::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto connection = std::make_unique<Connection>();
  CURL* const handle = connection->handle;
  set(handle, CURLOPT_NOSIGNAL, 1l);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_PATH_AS_IS, 1l);
  set(handle, CURLOPT_TCP_NODELAY, 1l);
  set(handle, CURLOPT_BUFFERSIZE, kTransferBufferBytes);
  set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kTransferBufferBytes);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, millis(options_.connect_nanos_max));
  set(handle, CURLOPT_TIMEOUT_MS, millis(options_.request_nanos_max));
  if (!options_.ca_file.empty()) set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
  set(handle, CURLOPT_HEADERFUNCTION, on_header);
  set(handle, CURLOPT_WRITEFUNCTION, on_body);
  set(handle, CURLOPT_READFUNCTION, on_send);
  set(handle, CURLOPT_SEEKFUNCTION, on_rewind);
  return connection;
}

void HttpClient::keep(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
  std::unique_ptr<Connection> connection = take();
  CURL* const handle = connection->handle;
  Exchange exchange{.request = request, .answer = {}};
  char detail[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  // "Expect" would cost a round trip.
  for (const char* unwanted : {"Expect:", "Accept:", "Content-Type:"}) {
    headers.reset(curl_slist_append(headers.release(), unwanted));
  }
  for (const std::string& header : request.headers) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
  }
  const bool has_body = request.method == "PUT" || request.method == "POST";
  set(handle, CURLOPT_ERRORBUFFER, detail);
  set(handle, CURLOPT_URL, request.url.c_str());
  set(handle, CURLOPT_HTTPHEADER, headers.get());
  // What has no body to rewind would be sent again.
  set(handle, CURLOPT_FRESH_CONNECT, request.send_once && request.body.empty() ? 1l : 0l);
  set(handle, CURLOPT_HTTPGET, 1l);  // ends what the request before was
  set(handle, CURLOPT_UPLOAD, has_body ? 1l : 0l);
  set(handle, CURLOPT_NOBODY, request.method == "HEAD" ? 1l : 0l);
  set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(handle, CURLOPT_INFILESIZE_LARGE,
      static_cast<curl_off_t>(has_body ? request.body.size() : 0));
  for (const CURLoption option :
       {CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA}) {
    set(handle, option, static_cast<void*>(&exchange));
  }
  const CURLcode code = curl_easy_perform(handle);
  set(handle, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  keep(std::move(connection));
  if (code != CURLE_OK) return error_of(code, detail, exchange);
  return std::move(exchange.answer);
}

}  // namespace sluice::io
