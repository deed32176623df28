/** `GET /v2/`: yes, this is a registry; whoever is not let in was told before. Spec: end-1. */
export function checkSupport(): Response {
  return Response.json({});
}
