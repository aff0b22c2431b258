import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../door.ts';
import { Trouble } from '../ui/trouble.tsx';

interface Listed {
  readonly LoadBalancerId: string;
  readonly LoadBalancerName: string;
  readonly EnsRegionId: string;
  readonly Address: string;
}

/** Every load balancer of the account. */
export default function LoadBalancers() {
  const listed = useSignal<readonly Listed[] | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  useEffect(() => {
    call<{ LoadBalancers: { LoadBalancer: readonly Listed[] } }>('Ens', 'DescribeLoadBalancers')
      .then(({ body }) => {
        listed.value = body.LoadBalancers.LoadBalancer;
      })
      .catch((error: unknown) => {
        trouble.value = error;
      });
  }, []);
  return (
    <>
      <h1>Load balancers</h1>
      <Trouble error={trouble.value} />
      <ul>
        {listed.value?.map((each) => (
          <li key={each.LoadBalancerId}>
            {each.LoadBalancerId} {each.LoadBalancerName} {each.Address}
          </li>
        ))}
      </ul>
    </>
  );
}
