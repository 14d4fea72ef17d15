import { Drawer } from '@mantine/core';
import type { ReactNode } from 'react';
import styles from './side-panel.module.css';

/** Details of one thing, over the page it was chosen on. Escape and the cross close it. */
export function SidePanel({
  opened,
  onClose,
  kind,
  title,
  children,
}: {
  opened: boolean;
  onClose: () => void;
  kind: string;
  title: string;
  children: ReactNode;
}) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size={520}
      title={
        <span className={styles.title}>
          <span>{kind}</span> {title}
        </span>
      }
      closeButtonProps={{ 'aria-label': 'Close the details' }}
      overlayProps={{ backgroundOpacity: 0.25 }}
      transitionProps={{ duration: 140 }}
      classNames={{ content: styles.content!, header: styles.header!, body: styles.body! }}
    >
      {opened ? children : null}
    </Drawer>
  );
}
