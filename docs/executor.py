"""An executor of query phases on SQLite, with the standard library alone: see docs/executors.md."""
import contextlib, hashlib, http.client, json, os, random, signal, sqlite3, threading, time, urllib.request, uuid

API, LEASE, stopping = os.environ["CONTROL_ROOM_URL"].rstrip("/") + "/api/v1", int(os.environ.get("LEASE_SECONDS") or 30), threading.Event()

class Ended(Exception): "The attempt is over: args[0] is the last report (verb, body), or None where the lease is lost and nothing may be written."

def call(method, path, body, lease="", timeout=40):  # sent again as it was where nobody knows whether it got through
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": "Bearer " + os.environ["CONTROL_ROOM_TOKEN"], "Content-Type": "application/octet-stream" if data is body else "application/json", "Lease-Token": lease}
    for attempt in range(1, 9):
        try:
            return json.loads(urllib.request.urlopen(urllib.request.Request(API + path, data, headers, method=method), timeout=timeout).read() or "null")
        except (OSError, http.client.HTTPException) as error:
            status, asked = getattr(error, "code", 503), getattr(error, "headers", {}).get("Retry-After") or 0
            if status == 409 and json.load(error)["code"] in ("lease_lost", "run_finished"):
                raise Ended(None)
            if attempt == 8 or status not in (429, 502, 503, 504):
                raise
            time.sleep(float(asked) + random.uniform(0, min(5, 0.2 * 2 ** attempt)))  # jitter: no wave of executors

def run_phase(name, kind, config, environment_id, write):
    write("PUT", f"/phases/{name}", {"status": "running"})
    assert kind == "query", f"this executor has no phases of type {kind}"
    data = json.dumps(sqlite3.connect(":memory:").execute(config["sql"]).fetchall()).encode()
    write("POST", "/events", {"events": [{"event_id": str(uuid.uuid4()), "type": "PHASE_PROGRESS", "phase": name, "message": f"{len(data)} bytes"}]})
    artifact = {"phase": name, "name": f"{name}.json", "kind": "dataset", "content_type": "application/json", "byte_size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    upload = call("POST", f"/objects/{artifact['sha256']}/upload-url", {"byte_size": len(data), "environment_id": environment_id})
    if upload["finish_url"]:  # straight to the store, which knows no token of ours; larger data goes in upload["parts"]
        urllib.request.urlopen(urllib.request.Request(upload["url"], data, upload["headers"], method="PUT"), timeout=40)
        call("POST", upload["finish_url"].removeprefix("/api/v1"), {"environment_id": environment_id})
    elif not upload["stored"]:
        call("PUT", upload["url"].removeprefix("/api/v1"), data)
    write("POST", "/artifacts", artifact)
    write("PUT", f"/phases/{name}", {"status": "succeeded", "output_sha256": artifact["sha256"]})
    return name

def execute(claim):
    path, lease, over, told, report = f"/runs/{claim['run']['run_id']}", claim["lease_token"], threading.Event(), [], ("complete", {})
    def beat():
        while not told and not over.wait(claim["lease_seconds"] / 3):
            try:
                if call("POST", path + "/heartbeat", {}, lease, timeout=LEASE / 2)["cancel_requested"]:
                    told.append(("fail", {"error_code": "canceled", "error_message": "Cancelled.", "permanent": True}))
            except Ended:
                told.append(None)
    def write(method, place, body):
        if told or stopping.is_set():
            raise Ended(told[0] if told else ("release", {"reason": "SIGTERM"}))
        call(method, path + place, body, lease)
    threading.Thread(target=beat, daemon=True).start()
    try:
        configs, done = {each["name"]: each["config"] for each in claim["spec"]["phases"]}, {each["name"] for each in claim["phases"] if each["status"] in ("succeeded", "reused")}
        while todo := [each for each in claim["phases"] if each["name"] not in done]:
            phase = next(each for each in todo if done.issuperset(each["depends_on"]))
            done.add(run_phase(phase["name"], phase["type"], configs[phase["name"]], claim["run"]["environment_id"], write))
    except Ended as end:
        report = end.args[0]
    except Exception as error:
        report = ("fail", {"error_code": "phase_failed", "error_message": str(error)[:10000], "permanent": getattr(error, "code", 0) < 500})
    over.set()
    return report and call("POST", f"{path}/{report[0]}", report[1], lease)

signal.signal(signal.SIGTERM, lambda *_: stopping.set())  # a run under way is given back before its next write
while not stopping.is_set():
    claims = call("POST", "/claims", {"wait_seconds": 5, "lease_seconds": LEASE, "queues": (os.environ.get("EXECUTOR_QUEUES") or "default").split(","), "start": True})
    for claim in claims["items"] if claims else []:
        with contextlib.suppress(Ended, OSError, http.client.HTTPException):  # an end that cannot be reported: the lease runs out
            execute(claim)
    claims or time.sleep(random.uniform(0.3, 0.8))
