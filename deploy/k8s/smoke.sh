#!/usr/bin/env bash
# Tries the local overlay out on the cluster that kubectl points at: deploys it, runs a job, rolls every service, scales the
# workers to three and back, and says whether a job was lost. kind or k3d have to hold the images first:
#   kind load docker-image treadle-api:dev treadle-store:dev treadle-worker-examples:dev
#   k3d image import treadle-api:dev treadle-store:dev treadle-worker-examples:dev
# Another overlay: smoke.sh FOLDER. What it made stays: kubectl delete namespace treadle.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
in_treadle() { kubectl --namespace treadle "$@"; }
deployments='treadle-store treadle-api treadle-worker'

wait_for_rollouts() {
    for deployment in $deployments; do
        in_treadle rollout status "deployment/$deployment" --timeout 180s
    done
}

# Inside a pod of the API, since it is there that the Service is known by its name; the key goes in by standard input.
ask() {
    in_treadle exec --stdin deployment/treadle-api -- python -c '
import json, sys, urllib.request
method, path, body = sys.argv[1:]
headers = {"Authorization": "Bearer " + sys.stdin.read().strip(), "Content-Type": "application/json"}
request = urllib.request.Request("http://treadle-api" + path, body.encode() or None, headers, method=method)
print(urllib.request.urlopen(request, timeout=90).read().decode())
' "$1" "$2" "${3:-}" <<<"$key"
}

submit() {
    ask POST /v1/jobs '{"type": "csv.summarize", "payload": {"path": "examples/data/orders.csv"}}' |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'
}

kubectl apply --kustomize "${1:-$here/overlays/local}"
wait_for_rollouts
key=$(in_treadle exec deployment/treadle-api -- python -m treadle_api keys create --role admin 2>/dev/null)
until first=$(submit 2>/dev/null); do sleep 1; done # a new key counts within seconds
ids=$first

for deployment in $deployments; do
    in_treadle rollout restart "deployment/$deployment"
    for _ in 1 2 3 4 5; do ids="$ids $(submit)"; done
done
wait_for_rollouts
in_treadle scale deployment/treadle-worker --replicas 3
for _ in 1 2 3 4 5; do ids="$ids $(submit)"; done
in_treadle scale deployment/treadle-worker --replicas 1

for id in $ids; do
    state=$(ask GET "/v1/jobs/$id?wait=60" | python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])')
    [ "$state" = SUCCESS ] || { echo "job $id is $state" >&2; exit 1; }
done
echo "$(wc -w <<<"$ids") jobs, all SUCCESS"
