/** What an address that leads nowhere shows. */
export default function NotFound() {
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        The address may be mistyped. <a href="/console/">Go to the load balancers</a>.
      </p>
    </>
  );
}
